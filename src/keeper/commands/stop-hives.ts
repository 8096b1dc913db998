import {
  homePaths,
  isAlive,
  killGroupOf,
  removePidfile,
  stopProcess,
  whenEnded,
  type Pidfile,
  type StopOutcome,
} from '../../daemon/index.ts';
import { localProcesses } from './local-processes.ts';

/** A hive stops its workers first, each with a grace period of its own. */
export const HIVE_STOP_GRACE_MS = 20_000;
const WORKER_STOP_GRACE_MS = 5_000;

/** Called with each process when it has exited. */
export type Report = (pidfile: Pidfile, how: StopOutcome) => Promise<void>;

/** A hive stops its own workers; workers without a hive are stopped here. All hives at once, since each waits for its workers. */
export async function stopHives(hives: readonly Pidfile[], workers: readonly Pidfile[], report: Report): Promise<void> {
  const hivesEnded = new AbortController();
  const reported = new Set<number>();
  const watching = workers.map(async (worker) => {
    await whenEnded(worker, hivesEnded.signal);
    reported.add(worker.pid);
    await report(worker, 'ended');
  });
  const outcomes = await Promise.all(hives.map((hive) => stopProcess(hive, { graceMs: HIVE_STOP_GRACE_MS })));
  hivesEnded.abort();
  await Promise.allSettled(watching);
  // Listed again: a worker may have started while its hive was stopping.
  const now = (await localProcesses()).running.filter(({ role }) => role === 'worker');
  const left = new Map([...workers, ...now].filter(({ pid }) => !reported.has(pid)).map((worker) => [worker.pid, worker]));
  for (const worker of left.values()) {
    const how = await stopWorker(worker);
    await report(worker, how === 'not_running' ? 'ended' : how);
    await forget([worker]);
  }
  for (const [at, hive] of hives.entries()) await report(hive, outcomes[at] ?? 'ended');
}

/** Stops a worker and its children, as its hive would. */
export async function stopWorker(worker: Pidfile): Promise<StopOutcome> {
  const how = await stopProcess(worker, { graceMs: WORKER_STOP_GRACE_MS });
  await killGroupOf(worker);
  return how;
}

/** Removes the pidfiles of processes that were killed and could not do it themselves. */
export async function forget(pidfiles: readonly Pidfile[]): Promise<void> {
  for (const pidfile of pidfiles) {
    if (!(await isAlive(pidfile))) await removePidfile(homePaths().run, pidfile);
  }
}
