import { followLog, homePaths, tailLog } from '../../daemon/index.ts';
import { requireWholeNumber } from '../derive/require.ts';
import type { Session } from '../session.ts';
import { logLineText, logObject } from '../show/log-line.ts';

export interface LogOptions {
  follow?: boolean;
  lines?: string;
}

export const DEFAULT_LINES = '50';

export async function queenLogs({ view, interrupt }: Session, { follow, lines = DEFAULT_LINES }: LogOptions): Promise<number> {
  const file = homePaths().logFile('queen');
  const wanted = requireWholeNumber('--lines', lines, [0]);
  const show = (line: string) => view.show(logObject(line), (look) => logLineText(line, look));
  if (!follow) {
    const last = await tailLog(file, wanted);
    for (const line of last) await show(line);
    if (last.length === 0 && wanted > 0)
      await view.narrate({ action: 'logs', human: `the log of the queen, ${file}, is empty` }, '');
    return 0;
  }
  interrupt.listen();
  for await (const line of followLog(file, { signal: AbortSignal.any([interrupt.signal, view.gone]), lines: wanted }))
    await show(line);
  return interrupt.exitCode ?? 0;
}
