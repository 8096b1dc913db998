import { homePaths, isAlive, readPidfile, stopProcess } from '../../daemon/index.ts';
import { findQueen } from '../queen/find-queen.ts';
import { awayText, queenAddress } from '../queen/queen-address.ts';
import { reachQueen } from '../queen/wake-queen.ts';
import type { Session } from '../session.ts';
import { queenLine } from '../show/status.ts';

/** It stops its jobs and closes their logs first. */
export const QUEEN_STOP_GRACE_MS = 10_000;

export async function startQueen({ view, interrupt }: Session): Promise<number> {
  interrupt.listen();
  const { host, port } = queenAddress();
  const wasAsleep = (await findQueen(queenAddress())).kind === 'asleep';
  if (wasAsleep) await reachQueen({ signal: interrupt.signal, narrate: (step) => view.narrate(step, '') });
  const state = wasAsleep ? 'awake now' : 'already awake';
  await view.result({ state: 'awake', was_asleep: wasAsleep, host, port }, () => `queen is ${state} · port ${port}`);
  return 0;
}

export async function stopQueen({ view }: Session): Promise<number> {
  const read = await readPidfile(homePaths().run, 'queen');
  if (read.kind !== 'found' || !(await isAlive(read.pidfile))) {
    await view.result({ stopped: false }, () => 'queen is already asleep');
    return 0;
  }
  const { pid } = read.pidfile;
  const how = await stopProcess(read.pidfile, { graceMs: QUEEN_STOP_GRACE_MS });
  await view.result({ stopped: true, pid, how }, () => `queen stopped (pid ${pid})${how === 'killed' ? ', by force' : ''}`);
  return 0;
}

export async function queenStatus({ view }: Session): Promise<number> {
  const address = queenAddress();
  const presence = await findQueen(address);
  if (presence.kind === 'asleep') {
    await view.result({ state: 'asleep' }, ({ paint }) =>
      address.isElsewhere ? awayText(address, presence.reason) : `queen is asleep\n${paint.dim('Wake it: rbee queen start')}`,
    );
    return 0;
  }
  const queen = { ...presence.health, port: address.port };
  await view.result({ state: 'awake', ...queen }, () => queenLine(queen));
  return 0;
}
