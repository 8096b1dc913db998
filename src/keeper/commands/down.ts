import { JobError } from '../../contract/index.ts';
import {
  hivePort,
  homePaths,
  isAlive,
  probe,
  queenPort,
  removePidfile,
  stopProcess,
  whenEnded,
  type Pidfile,
  type StopOutcome,
} from '../../daemon/index.ts';
import { queenToken } from '../queen/queen-address.ts';
import type { Session } from '../session.ts';
import { localProcesses } from './local-processes.ts';
import { QUEEN_STOP_GRACE_MS } from './queen.ts';

/** A hive ends its workers first, each with a grace of its own. */
const HIVE_STOP_GRACE_MS = 20_000;
const WORKER_STOP_GRACE_MS = 5_000;
const LEFT_PROBE_MS = 1_000;
/** A spawn that was under way may leave a worker behind its hive, and one such look may miss the next. */
const MAX_LOOKS = 3;

const GRACE_MS: Readonly<Record<Pidfile['role'], number>> = {
  queen: QUEEN_STOP_GRACE_MS,
  hive: HIVE_STOP_GRACE_MS,
  worker: WORKER_STOP_GRACE_MS,
};

interface Stopped {
  name: string;
  pid: number;
  how: StopOutcome;
}

/** Stops all of this home on this machine: workers, hives, queen. No process is left, and no pidfile. */
export async function down({ view }: Session): Promise<number> {
  const { running, stale } = await localProcesses();
  const of = (role: Pidfile['role']) => running.filter((pidfile) => pidfile.role === role);
  const stopped: Stopped[] = [];
  const tell: Tell = async ({ name, pid }, how) => {
    stopped.push({ name, pid, how });
    await view.narrate({ action: 'down', human: `${name} stopped (pid ${pid})${how === 'killed' ? ', by force' : ''}` }, '');
  };
  await stopHives(of('hive'), of('worker'), tell);
  for (const queen of of('queen')) await tell(queen, await stopProcess(queen, { graceMs: QUEEN_STOP_GRACE_MS }));
  await forget([...running, ...stale]);
  await stopLatecomers(tell);
  await requireNobodyLeft();
  await view.result({ stopped }, () => (stopped.length === 0 ? 'nothing is running' : ''));
  return 0;
}

type Tell = (pidfile: Pidfile, how: StopOutcome) => Promise<void>;

/** A hive ends its own workers; those that no hive knew are ended here. All hives at once: each waits for its workers. */
async function stopHives(hives: readonly Pidfile[], workers: readonly Pidfile[], tell: Tell): Promise<void> {
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

/** Whoever has come while the others ended. */
async function stopLatecomers(tell: Tell): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const { running } = await localProcesses();
    if (running.length === 0) return;
    for (const pidfile of running) {
      await tell(pidfile, await stopProcess(pidfile, { graceMs: GRACE_MS[pidfile.role] }));
    }
    await forget(running);
  }
}

/** What was killed could not remove its own. */
async function forget(pidfiles: readonly Pidfile[]): Promise<void> {
  for (const pidfile of pidfiles) {
    if (!(await isAlive(pidfile))) await removePidfile(homePaths().run, pidfile);
  }
}

/** A daemon whose pidfile was deleted is not found by it, but still has its port. */
async function requireNobodyLeft(): Promise<void> {
  const token = queenToken();
  for (const port of [queenPort(), hivePort()]) {
    const presence = await probe('127.0.0.1', port, { withinMs: LEFT_PROBE_MS, ...(token === undefined ? {} : { token }) });
    if (presence.kind !== 'ours' || presence.health.home !== homePaths().homeId) continue;
    const { role, pid } = presence.health;
    throw new JobError(
      'daemon_stop_failed',
      `A ${role} of this home still runs on port ${port}, without a pidfile. End it: kill ${pid}`,
    );
  }
}
