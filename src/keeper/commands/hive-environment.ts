/**
 * The variables that a hive and its workers inherit from the login that started them: the account, library and certificate paths,
 * proxies, settings of drivers and engines, and those of rbee. The rest belongs to the login: an SSH agent's socket, the terminal, and
 * anything that a client sent along (`SendEnv`). A hive runs for months and a worker reads untrusted files, so neither gets it.
 */
const USEFUL = [
  /^(HOME|USER|LOGNAME|SHELL|PATH|TMPDIR|TZ|LANG|LC_ALL|LC_CTYPE)$/,
  /^(LD|DYLD)_LIBRARY_PATH$|^XDG_(RUNTIME_DIR|DATA_HOME|DATA_DIRS|CONFIG_DIRS)$/,
  /^(https?|all|no)_proxy$/i,
  /^(SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS)$/,
  /^(CUDA|NVIDIA|GGML|VK|MESA|RADV|AMD|HIP|HSA|ROCR|OMP)_/,
  /^RBEE_/,
];

/** Removes all other variables from `env`. */
export function leaveOnlyUseful(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) if (!USEFUL.some((pattern) => pattern.test(name))) delete env[name];
}
