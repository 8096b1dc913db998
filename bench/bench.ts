import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { benchHops } from './hops/hops.ts';
import { thisMachine } from './machine.ts';
import { BENCH_NAMES, saveSection, type BenchName, type Findings } from './results.ts';

export interface BenchOptions {
  /** Each figure is the median of so many runs. */
  runs: number;
  /** Of one run under a steady load. */
  seconds: number;
  /** Where to leave CPU profiles of the relaying processes. */
  cpuProf: string | undefined;
}

const benches: Record<BenchName, (options: BenchOptions) => Promise<Findings>> = {
  hops: benchHops,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    'cpu-prof': { type: 'string' },
  },
});
const root = dirname(import.meta.dirname);
const options: BenchOptions = { runs: Number(values.runs), seconds: Number(values.seconds), cpuProf: values['cpu-prof'] };

for (const name of positionals.length === 0 ? BENCH_NAMES : positionals) {
  assert(isBenchName(name), `there is no bench '${name}': ${BENCH_NAMES.join(', ')}`);
  console.log(`\n${name}`);
  const findings = await benches[name](options);
  const measuredOn = new Date().toISOString().slice(0, 10);
  await saveSection(root, name, { ...findings, machine: thisMachine(), measuredOn });
}

function isBenchName(name: string): name is BenchName {
  return (BENCH_NAMES as readonly string[]).includes(name);
}
