import { Dispatcher, type FleetIndex } from '../../src/queen/placement/index.ts';
import { place } from '../../src/queen/placement/place.ts';
import type { BenchOptions } from '../options.ts';
import type { Findings, Row, Table } from '../findings.ts';
import { median, percentile } from '../statistics.ts';
import { fleetOf, modelName, workerOf, type Situation } from './fleets.ts';

const HIVES = [10, 100, 1_000];
const SITUATIONS: Record<Situation, string> = {
  free: 'a slot is free',
  busy: 'all slots are taken',
  cold: 'the model is loaded nowhere',
  full: 'busy workers have the memory: waits for them',
  pinned: 'pinned workers have the memory: refused with reasons',
};
const DECISIONS = 2_000;
/** The just-in-time compiler's. */
const WARM_UP = 500;
const AIM_MS = 1;

/** How long the queen takes to decide where a request runs, and how that grows with the fleet. */
export async function benchPlacement({ runs }: BenchOptions): Promise<Findings> {
  const tables: Table[] = [];
  for (const hives of HIVES) tables.push({ title: titleOf(hives), beside: 'nothing', rows: await rowsOf(hives, runs), how: HOW });
  return { title: 'Placement', tables };
}

const titleOf = (hives: number) => `${hives.toLocaleString('en-US')} hives, ${(hives * 10).toLocaleString('en-US')} workers`;

const HOW =
  'Each hive has a CPU, four GPUs, ten workers and twenty models on its disk; the requests ask for one model after the other. ' +
  'A report is one line of a worker that is taken into the index. A lease is all of it: the beginnings of a conversation of twenty messages, the decision, the count and its release.';

async function rowsOf(hives: number, runs: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [situation, words] of Object.entries(SITUATIONS) as [Situation, string][]) {
    const fleet = fleetOf(hives, situation);
    rows.push(
      ...rowsFor(
        `decision, ${words}`,
        timesOf(runs, (at) => void place({ model: modelName(at) }, fleet)),
      ),
    );
  }
  const fleet = fleetOf(hives, 'free');
  rows.push(
    ...rowsFor(
      'report of a worker',
      timesOf(runs, (at) => fleet.applyWorker(workerOf(at % hives, at % 10, 'free'))),
    ),
  );
  rows.push(...rowsFor('lease and release', await leaseTimes(runs, fleet)));
  for (const { what, ours, unit } of rows) console.log(`  ${hives} hives, ${what}: ${ours.toFixed(1)} ${unit}`);
  return rows;
}

function rowsFor(what: string, times: Float64Array): Row[] {
  const unit = 'µs';
  return [
    { what: `${what}, p50`, unit, ours: median(times) },
    { what: `${what}, p99`, unit, ours: percentile(times, 0.99), aim: { of: 'figure', atMost: AIM_MS * 1000 } },
  ];
}

/** In microseconds. */
function timesOf(runs: number, work: (at: number) => void): Float64Array {
  const times = new Float64Array(DECISIONS * runs);
  for (let at = -WARM_UP; at < times.length; at += 1) {
    const started = performance.now();
    work(at + WARM_UP);
    if (at >= 0) times[at] = (performance.now() - started) * 1000;
  }
  return times;
}

async function leaseTimes(runs: number, fleet: FleetIndex): Promise<Float64Array> {
  const dispatcher = new Dispatcher({ fleet, wake: async () => undefined });
  const { signal } = new AbortController();
  const times = new Float64Array(DECISIONS * runs);
  for (let at = -WARM_UP; at < times.length; at += 1) {
    const messages = Array.from({ length: 20 }, (_, n) => ({
      role: 'user' as const,
      content: `${at % 100} ${n} ${'honey '.repeat(30)}`,
    }));
    const started = performance.now();
    const lease = await dispatcher.reserve({ model: modelName(at + WARM_UP), messages }, { signal });
    lease.release({ tokens_per_s: 10 + (at & 31) });
    if (at >= 0) times[at] = (performance.now() - started) * 1000;
  }
  return times;
}
