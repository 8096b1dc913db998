import type { BenchOptions } from '../options.ts';
import { startChild } from '../child.ts';
import { Together } from '../../test/support/ending.ts';
import type { Findings } from '../findings.ts';
import { startChains, type Chain } from './chains.ts';
import { runIdle, runPaced, runUnpaced, type Ends, type Load, type Outcome } from './run.ts';
import { idleTable, loadTable, nameOf } from './tables.ts';

const LOADS: Load[] = [
  { streams: 1, ratePerSecond: 50 },
  { streams: 100, ratePerSecond: 50 },
  { streams: 1000, ratePerSecond: 10 },
  { streams: 100 },
];
const WARM_UP: Load = { streams: 100, ratePerSecond: 50 };

/** What a token costs on its way from the worker through hive and queen, beside nginx in their places. */
export async function benchHops({ runs, seconds, nodeFlags, load: onlyLoad }: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const { worker, chains } = await startChains(together, { nodeFlags });
  const ends = { worker, consumer: together.add(await startChild('hops/consumer')) };
  for (const chain of chains) await runOnce(chain, WARM_UP, { ...ends, seconds: 1 });

  const idle = await inRounds(chains, runs, (chain) => runIdle(chain, ends.consumer));
  const tables = [idleTable(new Map([...idle].map(([chain, rounds]) => [chain, rounds.flat()])))];
  for (const load of LOADS.filter((load) => onlyLoad === undefined || shortNameOf(load) === onlyLoad)) {
    const outcomes = await inRounds(chains, runs, async (chain) => {
      const outcome = await runOnce(chain, load, { ...ends, seconds });
      console.log(`  ${nameOf(load)}, hops: ${chain.hops} (${chain.kind}): ${describe(outcome)}`);
      return outcome;
    });
    tables.push(loadTable(load, outcomes));
  }
  return { title: 'Streaming through the hops', tables };
}

/** As it is asked for: '100x50', or '100' for as fast as they go. */
function shortNameOf({ streams, ratePerSecond }: Load): string {
  return ratePerSecond === undefined ? String(streams) : `${streams}x${ratePerSecond}`;
}

/** All chains in turn, then all again: a noisy minute of the machine falls on all of them alike. */
async function inRounds<T>(chains: Chain[], rounds: number, measure: (chain: Chain) => Promise<T>): Promise<Map<Chain, T[]>> {
  const found = new Map<Chain, T[]>(chains.map((chain) => [chain, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [chain, results] of found) results.push(await measure(chain));
  }
  return found;
}

function runOnce(chain: Chain, load: Load, options: Ends & { seconds: number }): Promise<Outcome> {
  const { streams, ratePerSecond } = load;
  return ratePerSecond === undefined ? runUnpaced(chain, load, options) : runPaced(chain, { streams, ratePerSecond }, options);
}

function describe({ eventsPerSecond, cpuUsPerEvent, latencyUs: { p50, p99 } }: Outcome): string {
  const cpu = cpuUsPerEvent.map((us) => us.toFixed(1)).join(' + ');
  return `${eventsPerSecond.toFixed(0)} events/s, ${cpu} µs of CPU an event, p50 ${p50.toFixed(0)} µs, p99 ${p99.toFixed(0)} µs`;
}
