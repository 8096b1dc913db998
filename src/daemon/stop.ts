import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../contract/index.ts';
import { isSystemError } from './file-error.ts';
import { isAlive, type ProcessIdentity } from './pidfile.ts';

/** The kernel notifies only the parent of an exit, and the caller is seldom the parent. One check costs about 0.1 ms. */
const END_POLL_MS = 20;
/** After SIGKILL, only the kernel's clean-up remains; with a large model on a device it can take seconds. */
const KILL_WITHIN_MS = 10_000;

export type StopOutcome = 'not_running' | 'ended' | 'killed';

/**
 * Ends a process: SIGTERM first, and SIGKILL after `graceMs`. With 0, only SIGKILL: a frozen process that is woken for SIGTERM would first
 * continue its work. Returns how it ended, once it has; a process that has already exited, or whose pid now belongs to another one, is
 * 'not_running' and gets no signal.
 * @throws JobError daemon_stop_failed, with the pid, when it cannot be ended
 */
export async function stopProcess(
  target: ProcessIdentity & { name: string },
  options: { graceMs: number },
): Promise<StopOutcome> {
  if (options.graceMs > 0) {
    if (!(await signalProcess(target, 'SIGTERM'))) return 'not_running';
    // A stopped process receives SIGTERM only after SIGCONT; a running one ignores SIGCONT.
    await signalProcess(target, 'SIGCONT');
    if (await endsWithin(target, options.graceMs)) return 'ended';
  }
  if (!(await signalProcess(target, 'SIGKILL'))) return options.graceMs > 0 ? 'ended' : 'not_running';
  if (await endsWithin(target, KILL_WITHIN_MS)) return 'killed';
  const { name, pid } = target;
  throw new JobError(
    'daemon_stop_failed',
    `${name} does not exit, even after SIGKILL. See what blocks it: ps -o pid,stat,wchan -p ${pid}`,
  );
}

/** Returns when the process has exited. For a child of this process, StartedDaemon.ended is faster and does not poll. */
export async function whenEnded(target: ProcessIdentity, signal: AbortSignal): Promise<void> {
  while (await isAlive(target)) {
    await sleep(END_POLL_MS, undefined, { signal });
  }
}

async function endsWithin(target: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (await isAlive(target)) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(END_POLL_MS, leftMs));
  }
  return true;
}

/** False when the process has exited. Checks the start time right before each signal: the pid may have been reused. */
async function signalProcess(target: ProcessIdentity & { name: string }, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(target))) return false;
  try {
    return process.kill(target.pid, signal);
  } catch (error) {
    if (isSystemError(error) && error.code === 'ESRCH') return false;
    if (!isSystemError(error) || error.code !== 'EPERM') throw error;
    const sentence = `${target.name} belongs to another user. Stop it as that user: kill ${target.pid}`;
    throw new JobError('daemon_stop_failed', sentence, { cause: error });
  }
}
