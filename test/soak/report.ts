import { GROWTH_LIMIT_MB_PER_MINUTE, type Growth, type HeldMemory } from './held-memory.ts';
import type { LogWatch } from './log-watch.ts';
import type { MemoryWatch } from './memory-watch.ts';
import type { Slope } from './slope.ts';
import type { Tally } from './tally.ts';

export interface Soaked {
  seed: number;
  startedAt: number;
  tally: Tally;
  done: Map<string, number>;
  memory: MemoryWatch;
  /** Memory of queen and hive while they are left alone. */
  held: HeldMemory[];
  logs: LogWatch;
}

/** The current state, on one line. */
export function lineOf({ startedAt, tally, done, memory }: Soaked, phase: string): string {
  const endings = ['result', 'cancelled', 'worker_died', 'interrupted'].map((ending) => `${tally.sumOf(ending)} ${ending}`);
  const kills = [...done.values()].reduce((sum, many) => sum + many, 0);
  return [
    `${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s ${phase}`,
    `${tally.jobs} jobs (${endings.join(', ')}), ${tally.running} running`,
    `${tally.reconnects} reconnects, ${kills} disturbances`,
    memory.lives.map(({ daemon, nowMB }) => `${daemon} ${nowMB.toFixed(0)} MB`).join(', '),
    `${tally.violations.length} violations`,
  ].join(' · ');
}

/** Judges memory growth, and log lines that should not exist. */
export function judgeAtTheEnd({ held, logs, tally }: Soaked): void {
  for (const growth of held.map((one) => one.growth())) {
    if (growth.isTooMuch) tally.violate(`${growthText(growth)}, more than ${GROWTH_LIMIT_MB_PER_MINUTE} MB a minute`);
  }
  for (const [key, many] of logs.counts) tally.violate(`${key} (${many} times), first ${logs.found.get(key)}`);
}

export function tableOf({ seed, startedAt, tally, done, memory, held }: Soaked): string {
  const sorted = (counts: Map<string, number>) => [...counts].sort(([a], [b]) => a.localeCompare(b));
  const rows: [string, string][] = [
    ['seed', String(seed)],
    ['seconds', ((Date.now() - startedAt) / 1000).toFixed(0)],
    ...sorted(done).map(([kill, many]): [string, string] => [kill, String(many)]),
    ...sorted(tally.endings).map(([ending, many]): [string, string] => [ending, String(many)]),
    ['events', String(tally.events)],
    ['reconnects', String(tally.reconnects)],
    ['read again from the beginning', String(tally.rereads)],
    ...memory.lives.map(({ daemon, pids, mostMB }): [string, string] => [
      `processes of the ${daemon}`,
      `${pids.size}, at most ${mostMB.toFixed(0)} MB`,
    ]),
    ...held.map((one): [string, string] => ['left alone', growthText(one.growth())]),
    ['violations', String(tally.violations.length)],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  return rows.map(([what, figure]) => `${what.padEnd(width)}  ${figure}`).join('\n');
}

function growthText({ daemon, last, resident, heap, samples }: Growth): string {
  const { residentMB, heapMB } = last;
  return (
    `${daemon}: ${residentMB.toFixed(0)} MB resident, ${slopeText(resident)}; ` +
    `heap ${heapMB.toFixed(1)} MB, ${slopeText(heap)}; ${samples} samples after collections, the first minute left out`
  );
}

function slopeText(slope: Slope | undefined): string {
  return slope === undefined ? 'no line' : `${slope.each.toFixed(2)} ± ${slope.give.toFixed(2)} MB/min`;
}
