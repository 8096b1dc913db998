import { LOCALHOST, type OutputOf } from '../../contract/index.ts';
import { NO_HIVES, seenHivesText } from './hives.ts';
import type { Look } from './look.ts';
import { modelsOfHives } from './models.ts';
import { count, uptime } from './units.ts';
import { BETWEEN, flowed, wrapped } from './width.ts';
import { workersText } from './workers.ts';

type Status = OutputOf<'status'>;

/** The queen, then a table each for hives, workers and models. Without a hive, no other command would work. */
export function statusText({ queen, hives, workers, models }: Status, look: Look): string {
  const queenRow = flowed(queenLine(queen).split(BETWEEN), look.columns).join('\n');
  if (hives.length === 0) return `${queenRow}\n\n${NO_HIVES}`;
  const running = workers.filter(({ state }) => state !== 'exited');
  const parts = [queenRow, seenHivesText(hives, look), workersText(running, look), ...exitedLine(workers, look)];
  return [...parts, ...(models.length === 0 ? [] : [modelsOfHives(models, look)])].join('\n\n');
}

/** Exited workers in one line: `rbee worker list` shows why. */
function exitedLine(workers: Status['workers'], { paint, columns }: Look): string[] {
  const hives = workers.filter(({ state }) => state === 'exited').map(({ hive_id }) => hive_id);
  if (hives.length === 0) return [];
  const commands = [...new Set(hives)].map((hive) => `rbee worker list${hive === LOCALHOST ? '' : ` --hive ${hive}`}`);
  const line = `${count(hives.length, 'worker')} exited: ${commands.join(', ')}`;
  return [paint.dim(wrapped(line, columns).join('\n'))];
}

export function queenLine({ version, port, pid, uptime_s }: Status['queen']): string {
  return `queen is awake · rbee ${version} · port ${port} · pid ${pid} · up ${uptime(uptime_s)}`;
}
