import assert from 'node:assert/strict';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchCreateJob } from './create-job/create-job.ts';
import { benchEngine } from './engine/engine.ts';
import { benchGateway } from './gateway/gateway.ts';
import { benchHops } from './hops/hops.ts';
import { benchLog } from './log/log.ts';
import { thisMachine } from './machine.ts';
import { benchMemory } from './memory/memory.ts';
import { benchOperation } from './operation/operation.ts';
import { benchPlacement } from './placement/placement.ts';
import { benchRecovery } from './recovery/recovery.ts';
import { benchScale } from './scale/scale.ts';
import { benchStartUp } from './start-up/start-up.ts';
import { BENCH_NAMES, type BenchName, type Findings } from './findings.ts';
import type { BenchOptions } from './options.ts';
import { saveSection } from './results.ts';

const benches: Record<BenchName, (options: BenchOptions) => Promise<Findings>> = {
  hops: benchHops,
  'create-job': benchCreateJob,
  operation: benchOperation,
  log: benchLog,
  memory: benchMemory,
  recovery: benchRecovery,
  'start-up': benchStartUp,
  placement: benchPlacement,
  scale: benchScale,
  engine: benchEngine,
  gateway: benchGateway,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    'cpu-prof': { type: 'string' },
    load: { type: 'string' },
  },
});
const profileFolder = values['cpu-prof'];
const root = dirname(import.meta.dirname);
const options: BenchOptions = {
  runs: Number(values.runs),
  seconds: Number(values.seconds),
  nodeFlags: profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profileFolder)}`],
  load: values.load,
};
/** Part of the figures, or figures of profiled processes, are for looking at. */
const isKept = options.load === undefined && profileFolder === undefined;

for (const name of positionals.length === 0 ? BENCH_NAMES : positionals) {
  assert(isBenchName(name), `there is no bench '${name}': ${BENCH_NAMES.join(', ')}`);
  console.log(`\n${name}`);
  const machine = thisMachine();
  const findings = await benches[name](options);
  if (!isKept) continue;
  const measuredOn = new Date().toISOString().slice(0, 10);
  await saveSection(root, name, { ...findings, machine, measuredOn });
}

function isBenchName(name: string): name is BenchName {
  return (BENCH_NAMES as readonly string[]).includes(name);
}
