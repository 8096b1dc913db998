import { Together } from '../../test/support/ending.ts';
import { startChild } from '../child.ts';
import type { Findings } from '../findings.ts';
import type { BenchOptions } from '../options.ts';
import { AT_ONCE, flood, run, type GatewayOutcome, type Load } from './run.ts';
import { loadTable, requestsTable, translationTable } from './tables.ts';
import { startWays, type GatewayWay, type Ways } from './ways.ts';

const STREAMS = [1, 32, 256, 500];
const RATE_PER_SECOND = 10;
/** What the queen's API for chats costs, beside nginx and other gateways before a server that speaks the same. */
export async function benchGateway(options: BenchOptions): Promise<Findings> {
  await using together = new Together();
  const consumer = together.add(await startChild('hops/consumer'));
  const ways = await startWays(together, options);
  for (const sentence of ways.missing) console.log(`  ${sentence}`);
  for (const way of ways.all) await run(way, { streams: 32, ratePerSecond: RATE_PER_SECOND }, { consumer, seconds: 1 });

  const tables = [];
  const found = new Map<Load, Map<GatewayWay, GatewayOutcome[]>>();
  for (const streams of STREAMS.filter((streams) => options.load === undefined || String(streams) === options.load)) {
    const load = { streams, ratePerSecond: RATE_PER_SECOND };
    const outcomes = await inRounds(ways, options.runs, (way) => run(way, load, { consumer, seconds: options.seconds }));
    found.set(load, outcomes);
    tables.push(loadTable(load, ways, outcomes));
  }
  const floods = await inRounds(ways, options.runs, (way) => flood(way, { consumer, seconds: options.seconds }));
  tables.push(requestsTable(AT_ONCE, ways, floods), translationTable(ways, found));
  return { title: 'The API for chats, beside other gateways', tables };
}

/** All ways in turn, then all again: a noisy minute of the machine falls on all of them alike. */
async function inRounds<T>(
  { all }: Ways,
  rounds: number,
  measure: (way: GatewayWay) => Promise<T>,
): Promise<Map<GatewayWay, T[]>> {
  const found = new Map<GatewayWay, T[]>(all.map((way) => [way, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [way, results] of found) results.push(await measure(way));
  }
  return found;
}
