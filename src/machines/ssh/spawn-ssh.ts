import { execFile, spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { promisify } from 'node:util';
import { JobError } from '../../contract/index.ts';

/** Options with which a user's config would keep our command from running. An OpenSSH before 8.7 does not know them, and would refuse. */
const NEWER = ['SessionType=default', 'StdinNull=no', 'ForkAfterAuthentication=no', 'SetEnv=RBEE=1'].flatMap((option) => [
  '-o',
  option,
]);
const VERSION_WITHIN_MS = 2_000;

let known: Promise<readonly string[] | undefined> | undefined;

/** Those that this machine's ssh knows; asked until it has said its version. None where there is no ssh: the first real call says so. */
export function newerOptions(): Promise<readonly string[]> {
  known ??= askVersion().catch(() => undefined);
  const asked = known;
  return asked.then((options) => {
    if (options === undefined && known === asked) known = undefined;
    return options ?? [];
  });
}

/** @returns undefined where it is not told */
async function askVersion(): Promise<readonly string[] | undefined> {
  const { stderr } = await promisify(execFile)('ssh', ['-V'], { timeout: VERSION_WITHIN_MS, killSignal: 'SIGKILL' });
  const [, major, minor] = /^OpenSSH_\D*(\d+)\.(\d+)/.exec(stderr) ?? [];
  if (major === undefined) return undefined;
  return Number(major) * 100 + Number(minor) >= 807 ? NEWER : [];
}

/**
 * In a session of its own: with no terminal, neither ssh nor a jump host's ssh, which does not inherit BatchMode, can ask for
 * anything. For the same reason it has no program to ask with.
 */
export function spawnSsh(newer: readonly string[], args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn('ssh', [...newer, ...args], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: environment() });
}

/** Ends what an ssh has left that shares its connection with nobody: the command of its proxy, which may not see that it has gone. */
export function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}

/** What ~/.ssh/config and a proxy's command may need. No token, which `SendEnv` could carry to the machine; the home names the owner. */
function environment(): NodeJS.ProcessEnv {
  const isKept = (name: string) => name === 'RBEE_HOME' || !/^(RBEE_|SSH_ASKPASS$)/.test(name);
  const kept = Object.entries(process.env).filter(([name]) => isKept(name));
  return { ...Object.fromEntries(kept), SSH_ASKPASS_REQUIRE: 'never' };
}

/** For a spawn that failed. */
export function noSsh(cause: unknown): JobError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const what = isMissing ? "This machine has no 'ssh': install the OpenSSH client" : `ssh cannot be started: ${String(cause)}`;
  return new JobError('ssh_failed', what, { cause });
}
