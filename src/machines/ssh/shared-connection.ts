import { programOutput, processStart, stopProcess } from '../../daemon/index.ts';
import { runSsh } from './run-ssh.ts';

const CHECK_WITHIN_MS = 1_000;
const PS_WITHIN_MS = 2_000;
const END_GRACE_MS = 1_000;

/** The pid of the background process of a shared connection. @returns undefined where none answers at the control socket */
export async function pidOfShared(socket: string): Promise<number | undefined> {
  // Without the user's config. The host is a mandatory argument, and is not looked up.
  const argv = ['-F', 'none', '-S', socket, '-O', 'check', '--', 'localhost'];
  try {
    const { signal } = new AbortController();
    const { stderr } = await runSsh(argv, { signal, withinMs: CHECK_WITHIN_MS, doing: 'ssh -O check' });
    const [, pid] = /pid=(\d+)/.exec(stderr) ?? [];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined; // The process is frozen, or this machine has no ssh.
  }
}

/** Ends a shared connection in the background, also one that does not answer. ssh ends its proxy command with it. */
export async function endShared(socket: string): Promise<void> {
  const pid = (await pidOfShared(socket)) ?? (await pidByTitle(socket));
  const started = pid === undefined ? undefined : await processStart(pid);
  if (pid === undefined || started === undefined) return;
  await stopProcess({ name: 'the shared SSH connection', pid, started }, { graceMs: END_GRACE_MS });
}

/** ssh puts the socket into the title of its background process. */
async function pidByTitle(socket: string): Promise<number | undefined> {
  const said = await programOutput('ps', ['-A', '-ww', '-o', 'pid=,args='], { withinMs: PS_WITHIN_MS }).catch(() => '');
  const line = said.split('\n').find((each) => each.trimEnd().endsWith(`ssh: ${socket} [mux]`));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}
