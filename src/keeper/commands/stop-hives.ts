import { homePaths, isAlive, removePidfile, stopProcess, whenEnded, type Pidfile, type StopOutcome } from '../../daemon/index.ts';
import { localProcesses } from './local-processes.ts';

/** A hive ends its workers first, each with a grace of its own. */
export const HIVE_STOP_GRACE_MS = 20_000;
export const WORKER_STOP_GRACE_MS = 5_000;

/** Hears of each process as it ends. */
export type Tell = (pidfile: Pidfile, how: StopOutcome) => Promise<void>;

/** A hive ends its own workers; those that no hive knew are ended here. All hives at once: each waits for its workers. */
export async function stopHives(hives: readonly Pidfile[], workers: readonly Pidfile[], tell: Tell): Promise<void> {
  const hivesEnded = new AbortController();
  const told = new Set<number>();
  const watching = workers.map(async (worker) => {
    await whenEnded(worker, hivesEnded.signal);
    told.add(worker.pid);
    await tell(worker, 'ended');
  });
  const outcomes = await Promise.all(hives.map((hive) => stopProcess(hive, { graceMs: HIVE_STOP_GRACE_MS })));
  hivesEnded.abort();
  await Promise.allSettled(watching);
  // Asked again: a worker may have come while its hive was ending.
  const now = (await localProcesses()).running.filter(({ role }) => role === 'worker');
  const left = new Map([...workers, ...now].filter(({ pid }) => !told.has(pid)).map((worker) => [worker.pid, worker]));
  for (const worker of left.values()) {
    const how = await stopProcess(worker, { graceMs: WORKER_STOP_GRACE_MS });
    await tell(worker, how === 'not_running' ? 'ended' : how);
    await forget([worker]);
  }
  for (const [at, hive] of hives.entries()) await tell(hive, outcomes[at] ?? 'ended');
}

/** What was killed could not remove its own. */
export async function forget(pidfiles: readonly Pidfile[]): Promise<void> {
  for (const pidfile of pidfiles) {
    if (!(await isAlive(pidfile))) await removePidfile(homePaths().run, pidfile);
  }
}
