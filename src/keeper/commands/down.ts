import { JobError, LOOPBACK } from '../../contract/index.ts';
import { hivePort, homeTrust, probe, queenPort, stopProcess, type Pidfile, type StopOutcome } from '../../daemon/index.ts';
import type { Session } from '../session.ts';
import { localProcesses } from './local-processes.ts';
import { QUEEN_STOP_GRACE_MS } from './queen.ts';
import { forget, HIVE_STOP_GRACE_MS, stopHives, stopWorker, type Report } from './stop-hives.ts';

const LEFT_PROBE_MS = 1_000;
/** A spawn in progress may leave a worker after its hive has stopped, and one look may miss the next worker. */
const MAX_LOOKS = 3;

interface Stopped {
  name: string;
  pid: number;
  how: StopOutcome;
}

/** Stops all daemons of this home on this machine: workers, hives, queen. Leaves no process and no pidfile. */
export async function down({ view }: Session): Promise<number> {
  const { running, stale } = await localProcesses();
  const of = (role: Pidfile['role']) => running.filter((pidfile) => pidfile.role === role);
  const stopped: Stopped[] = [];
  const report: Report = async ({ name, pid }, how) => {
    stopped.push({ name, pid, how });
    await view.narrate({ action: 'down', human: `${name} stopped (pid ${pid})${how === 'killed' ? ', by force' : ''}` }, '');
  };
  await stopHives(of('hive'), of('worker'), report);
  for (const queen of of('queen')) await report(queen, await stopProcess(queen, { graceMs: QUEEN_STOP_GRACE_MS }));
  await forget([...running, ...stale]);
  await stopLatecomers(report);
  await requireNoneLeft();
  await view.result({ stopped }, () => (stopped.length === 0 ? 'nothing is running' : ''));
  return 0;
}

/** Daemons that started while the others stopped. */
async function stopLatecomers(report: Report): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const { running } = await localProcesses();
    if (running.length === 0) return;
    for (const pidfile of running) {
      await report(pidfile, await stop(pidfile));
    }
    await forget(running);
  }
}

function stop(pidfile: Pidfile): Promise<StopOutcome> {
  if (pidfile.role === 'worker') return stopWorker(pidfile);
  return stopProcess(pidfile, { graceMs: pidfile.role === 'hive' ? HIVE_STOP_GRACE_MS : QUEEN_STOP_GRACE_MS });
}

/** A daemon whose pidfile was deleted is found by its port. */
async function requireNoneLeft(): Promise<void> {
  for (const port of [queenPort(), hivePort()]) {
    const found = await probe(LOOPBACK, port, { withinMs: LEFT_PROBE_MS, trust: homeTrust() });
    if (found.kind !== 'rbee') continue;
    const { role, pid } = found.health;
    throw new JobError(
      'daemon_stop_failed',
      `A ${role} of this home still runs on port ${port}, without a pidfile. Stop it: kill ${pid}`,
    );
  }
}
