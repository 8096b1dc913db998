/**
 * What a hive and its workers take from the login that started them: the account, where libraries and certificates are, proxies, what
 * drivers and engines are told, and what is rbee's own. The rest is that login's: an agent's socket, its terminal, and whatever a client
 * has sent along (`SendEnv`). A hive runs for months and a worker reads files from strangers, so neither has it.
 */
const USEFUL = [
  /^(HOME|USER|LOGNAME|SHELL|PATH|TMPDIR|TZ|LANG|LC_ALL|LC_CTYPE)$/,
  /^(LD|DYLD)_LIBRARY_PATH$|^XDG_(RUNTIME_DIR|DATA_HOME|DATA_DIRS|CONFIG_DIRS)$/,
  /^(https?|all|no)_proxy$/i,
  /^(SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS)$/,
  /^(CUDA|NVIDIA|GGML|VK|MESA|RADV|AMD|HIP|HSA|ROCR|OMP)_/,
  /^RBEE_/,
];

/** Removes all else from `env`. */
export function leaveOnlyUseful(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) if (!USEFUL.some((pattern) => pattern.test(name))) delete env[name];
}
