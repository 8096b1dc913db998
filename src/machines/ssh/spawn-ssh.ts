import { execFile, spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { promisify } from 'node:util';
import { JobError } from '../../contract/index.ts';

/** Overrides options of the user's config that would keep rbee's command from running. OpenSSH before 8.7 rejects them as unknown. */
const NEWER = ['SessionType=default', 'StdinNull=no', 'ForkAfterAuthentication=no', 'SetEnv=RBEE=1'].flatMap((option) => [
  '-o',
  option,
]);
const VERSION_WITHIN_MS = 2_000;

let known: Promise<readonly string[] | undefined> | undefined;

/** Those that this machine's ssh knows. Its version is cached once it is known. None without an ssh client: the next call reports that. */
export function newerOptions(): Promise<readonly string[]> {
  known ??= askVersion().catch(() => undefined);
  const asked = known;
  return asked.then((options) => {
    if (options === undefined && known === asked) known = undefined;
    return options ?? [];
  });
}

/** @returns undefined for an ssh that does not report its version */
async function askVersion(): Promise<readonly string[] | undefined> {
  const { stderr } = await promisify(execFile)('ssh', ['-V'], { timeout: VERSION_WITHIN_MS, killSignal: 'SIGKILL' });
  const [, major, minor] = /^OpenSSH_\D*(\d+)\.(\d+)/.exec(stderr) ?? [];
  if (major === undefined) return undefined;
  return Number(major) * 100 + Number(minor) >= 807 ? NEWER : [];
}

/**
 * In a session of its own: without a terminal, neither ssh nor a jump host's ssh, which does not inherit BatchMode, can prompt.
 * For the same reason it has no askpass program.
 */
export function spawnSsh(newer: readonly string[], args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn('ssh', [...newer, ...args], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: environment() });
}

/** Kills what is left of an ssh with an unshared connection: its proxy command may not notice that ssh has exited. */
export function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of its processes have exited.
  }
}

/** What ~/.ssh/config and a proxy command may need. No token, which `SendEnv` could carry to the machine. RBEE_HOME identifies the owner. */
function environment(): NodeJS.ProcessEnv {
  const isKept = (name: string) => name === 'RBEE_HOME' || !/^(RBEE_|SSH_ASKPASS$)/.test(name);
  const kept = Object.entries(process.env).filter(([name]) => isKept(name));
  return { ...Object.fromEntries(kept), SSH_ASKPASS_REQUIRE: 'never' };
}

/** The error of an ssh that could not be started. */
export function noSsh(cause: unknown): JobError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const what = isMissing ? "This machine has no 'ssh': install the OpenSSH client" : `ssh could not be started: ${String(cause)}`;
  return new JobError('ssh_failed', what, { cause });
}
