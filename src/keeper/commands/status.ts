import { findQueen } from '../queen/find-queen.ts';
import { awayText, queenAddress, queenPeer } from '../queen/queen-address.ts';
import { runJob } from '../run-job.ts';
import type { Session } from '../session.ts';
import { localProcesses } from './local-processes.ts';

/** The fleet as the queen sees it. Wakes nobody. */
export async function status(session: Session): Promise<number> {
  const address = queenAddress();
  const presence = await findQueen(address);
  if (presence.kind === 'awake') {
    return runJob(session, { operation: 'status', input: {} }, async () => queenPeer(address));
  }
  const { running } = await localProcesses();
  const left = running.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
  const nothing = { queen: null, hives: [], workers: [], models: [] };
  await session.view.result(nothing, ({ paint }) =>
    [
      address.isElsewhere ? awayText(address, presence.reason) : 'queen is asleep',
      ...(left === '' ? [] : [`still running on this machine: ${left}`]),
      ...(address.isElsewhere ? [] : [paint.dim('Wake her: rbee queen start. Or just ask: rbee infer "What does a bee do?"')]),
    ].join('\n'),
  );
  return 0;
}
