import { findQueen } from '../queen/find-queen.ts';
import { awayText, queenAddress, queenPeer } from '../queen/queen-address.ts';
import { runJob } from '../run-job.ts';
import type { Session } from '../session.ts';
import { wrapped } from '../show/width.ts';
import { localProcesses } from './local-processes.ts';

const WAKE_IT = 'Wake it: rbee queen start. Or send a request: rbee infer "What does a bee do?"';

/** The fleet as the queen sees it. Wakes no daemon. */
export async function status(session: Session): Promise<number> {
  const address = queenAddress();
  const presence = await findQueen(address);
  if (presence.kind === 'awake') {
    return runJob(session, { operation: 'status', input: {} }, async () => queenPeer(address));
  }
  const { running } = await localProcesses();
  const left = running.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
  const nothing = { queen: null, hives: [], workers: [], models: [] };
  await session.view.result(nothing, ({ paint, columns }) =>
    [
      address.isElsewhere ? awayText(address, presence.reason) : 'queen is asleep',
      ...(left === '' ? [] : [`still running on this machine: ${left}`]),
      ...(address.isElsewhere ? [] : [WAKE_IT]),
    ]
      .flatMap((line) => wrapped(line, columns).map((part) => (line === WAKE_IT ? paint.dim(part) : part)))
      .join('\n'),
  );
  return 0;
}
