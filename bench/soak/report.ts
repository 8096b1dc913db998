import type { LogWatch } from './log-watch.ts';
import { MEMORY_LIMIT_MB_PER_MINUTE, type Growth, type MemoryWatch } from './memory-watch.ts';
import type { Tally } from './tally.ts';

export interface Soaked {
  seed: number;
  startedAt: number;
  tally: Tally;
  done: Map<string, number>;
  memory: MemoryWatch;
  logs: LogWatch;
}

/** How it goes, on one line. */
export function lineOf({ startedAt, tally, done, memory }: Soaked, phase: string): string {
  const endings = ['result', 'cancelled', 'worker_died', 'interrupted'].map((ending) => `${tally.sumOf(ending)} ${ending}`);
  const kills = [...done.values()].reduce((sum, many) => sum + many, 0);
  const MB = (['queen', 'hive'] as const).map((daemon) => `${daemon} ${memory.now(daemon).toFixed(0)} MB`);
  return [
    `${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s ${phase}`,
    `${tally.jobs} jobs (${endings.join(', ')}), ${tally.running} running`,
    `${tally.reconnects} reconnects, ${kills} disturbances`,
    MB.join(', '),
    `${tally.violations.length} violations`,
  ].join(' · ');
}

/** Memory that surely grows, and what no log should hold. */
export function judgeAtTheEnd({ memory, logs, tally }: Soaked): void {
  for (const growth of memory.growths()) if (isTooMuch(growth)) tally.violate(`memory of ${growthText(growth)}`);
  for (const [key, many] of logs.counts) tally.violate(`${key} (${many} times), first ${logs.found.get(key)}`);
}

export function tableOf({ seed, startedAt, tally, done, memory }: Soaked): string {
  const sorted = (counts: Map<string, number>) => [...counts].sort(([a], [b]) => a.localeCompare(b));
  const rows: [string, string][] = [
    ['seed', String(seed)],
    ['seconds', ((Date.now() - startedAt) / 1000).toFixed(0)],
    ...sorted(done).map(([kill, many]): [string, string] => [kill, String(many)]),
    ...sorted(tally.endings).map(([ending, many]): [string, string] => [ending, String(many)]),
    ['events', String(tally.events)],
    ['reconnects', String(tally.reconnects)],
    ['read again from the beginning', String(tally.rereads)],
    ...memory.growths().map((growth): [string, string] => ['memory', growthText(growth)]),
    ['violations', String(tally.violations.length)],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  return rows.map(([what, figure]) => `${what.padEnd(width)}  ${figure}`).join('\n');
}

/** Only where even the least of what it may be is over the limit. */
function isTooMuch({ daemon, last: { slope, isJudged } }: Growth): boolean {
  if (daemon === 'worker' || slope === undefined || !isJudged) return false;
  return slope.each - slope.give > MEMORY_LIMIT_MB_PER_MINUTE;
}

function growthText({ daemon, lives, mostMB, last: { livedMs, MB, slope, isJudged } }: Growth): string {
  const line = slope === undefined ? 'no line' : `${slope.each.toFixed(2)} ± ${slope.give.toFixed(2)} MB/min`;
  const judged = daemon === 'worker' || isJudged ? '' : ', too short to judge';
  const last = `the last, after ${(livedMs / 1000).toFixed(0)} s, ${MB.toFixed(0)} MB`;
  return `${daemon}: ${lives} processes, at most ${mostMB.toFixed(0)} MB; ${last}, ${line}${judged}`;
}
