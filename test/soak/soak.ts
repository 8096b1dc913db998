import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { daemonsOf } from '../support/daemon-processes.ts';
import { atTheEnd } from '../support/ending.ts';
import { startFleet, type Fleet } from '../support/built-fleet.ts';
import { checkDown, checkWhatRuns } from './closing-check.ts';
import { INSPECTABLE } from './collector.ts';
import { Dice } from './dice.ts';
import { disturb, disturbWorkers } from './disturb.ts';
import { HeldMemory } from './held-memory.ts';
import { Incidents } from './incidents.ts';
import { load } from './load.ts';
import { LogWatch } from './log-watch.ts';
import { MemoryWatch } from './memory-watch.ts';
import { judgeAtTheEnd, lineOf, tableOf, type Soaked } from './report.ts';
import { takeReferences } from './requests.ts';
import { stormLine, weather } from './storm.ts';
import { Tally } from './tally.ts';

// A fleet under a mixed load, in which a daemon is killed or frozen every few seconds; then the same load with queen and
// hive left alone, to see whether their memory grows. Exits with 1 if an event was lost or doubled, a process was left, or memory grew.

/** The rest of the time, queen and hive are left alone. */
const DISTURBED_SHARE = 0.55;
const LINE_INTERVAL_MS = 10_000;
const SLOTS = 8;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' }, storm: { type: 'boolean', default: false } },
});
const totalMs = Math.round(Number(values.minutes) * 60_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
assert(totalMs > 0 && Number.isSafeInteger(seed), 'npm run soak -- [--minutes 10] [--seed 1] [--storm]');

console.log(`seed ${seed}, ${values.minutes} minutes: npm run soak -- --minutes ${values.minutes} --seed ${seed}`);
await using fleet = await startFleet({ NODE_OPTIONS: INSPECTABLE });
if (values.storm) process.exit(await stormed());
const tally = new Tally();
const logs = new LogWatch(fleet.home);
using memory = new MemoryWatch(fleet.home);
const soaked: Soaked = { seed, startedAt: Date.now(), tally, done: new Map(), memory, held: [], logs };
const forget = atTheEnd(() => console.log(`\nnot ended\n${tableOf(soaked)}`));
await soak(soaked);
judgeAtTheEnd(soaked);
forget();
console.log(`\n${tableOf(soaked)}`);
if (tally.violations.length > 0) console.log(`\n${[...new Set(tally.violations)].join('\n')}`);
process.exitCode = tally.violations.length > 0 ? 1 : 0;

/** A storm instead of a soak: a daemon is struck every second, and failures that say what happened are no violations. */
async function stormed(): Promise<number> {
  const { short, long } = await takeReferences(fleet.queenPort);
  const weathered = await weather({ fleet, dice: new Dice(seed), references: [...short, ...long], totalMs });
  const problems = [...weathered.violations, ...(await checkWhatRuns(fleet))];
  console.log(`\n${stormLine(weathered)}\n${problems.join('\n')}`);
  await fleet[Symbol.asyncDispose]();
  return problems.length > 0 ? 1 : 0;
}

async function soak(soaked: Soaked): Promise<void> {
  const dice = new Dice(seed);
  const incidents = new Incidents();
  const spawned = await fleet.result<{ port: number }>(['worker', 'spawn', '--slots', String(SLOTS)]);
  const references = await takeReferences(fleet.queenPort);
  console.log(`${references.short.length} short and ${references.long.length} long answers are known, undisturbed`);

  let phase = 'disturbed';
  const stopLoad = new AbortController();
  const loading = load({ port: fleet.queenPort, dice: dice.another(), references, incidents, tally, signal: stopLoad.signal });
  const lines = setInterval(() => {
    logs.look();
    console.log(lineOf(soaked, phase));
  }, LINE_INTERVAL_MS);
  const parts = { fleet, dice: dice.another(), incidents, tally, done: soaked.done };
  await disturb({ ...parts, signal: AbortSignal.timeout(Math.round(totalMs * DISTURBED_SHARE)) });
  phase = 'calm';
  const calmMs = Math.round(Math.max(totalMs - (Date.now() - soaked.startedAt), 0.4 * totalMs));
  const before = await pidsOf(fleet);
  const calm = AbortSignal.timeout(calmMs);
  soaked.held.push(await HeldMemory.watch(fleet.home, 'queen'), await HeldMemory.watch(fleet.home, 'hive'));
  await Promise.all([disturbWorkers({ ...parts, signal: calm }, calmMs), ...soaked.held.map((one) => one.sample(calm))]);
  for (const one of soaked.held) one[Symbol.dispose]();
  phase = 'ending';
  stopLoad.abort();
  await loading;
  clearInterval(lines);
  const after = await pidsOf(fleet);
  if (before.join() !== after.join())
    tally.violate(`queen and hive were left alone, and were ${before.join()}, now ${after.join()}`);
  for (const problem of await checkWhatRuns(fleet)) tally.violate(problem);
  for (const problem of await checkDown(fleet, [fleet.queenPort, fleet.hivePort, spawned.port])) tally.violate(problem);
  logs.look();
}

/** Pids of queen and hive, once both run. */
async function pidsOf({ home }: Fleet): Promise<number[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const pids = [...daemonsOf(home, 'queen'), ...daemonsOf(home, 'hive')];
    if (pids.length === 2 || Date.now() > deadline) return pids;
    await delay(100);
  }
}
