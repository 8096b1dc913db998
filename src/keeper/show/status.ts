import type { OutputOf } from '../../contract/index.ts';
import { NO_HIVES, seenHivesText } from './hives.ts';
import type { Look } from './look.ts';
import { modelsOfHives } from './models.ts';
import { uptime } from './units.ts';
import { BETWEEN, flowed } from './width.ts';
import { workersText } from './workers.ts';

type Status = OutputOf<'status'>;

/** The queen, then a table each for hives, workers and models. Without a hive, no other command would work. */
export function statusText({ queen, hives, workers, models }: Status, look: Look): string {
  const queenRow = flowed(queenLine(queen).split(BETWEEN), look.columns).join('\n');
  if (hives.length === 0) return `${queenRow}\n\n${NO_HIVES}`;
  const parts = [queenRow, seenHivesText(hives, look), workersText(workers, look)];
  return [...parts, ...(models.length === 0 ? [] : [modelsOfHives(models, look)])].join('\n\n');
}

export function queenLine({ version, port, pid, uptime_s }: Status['queen']): string {
  return `queen is awake · rbee ${version} · port ${port} · pid ${pid} · up ${uptime(uptime_s)}`;
}
