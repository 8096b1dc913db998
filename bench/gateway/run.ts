import { cpuTimeNs, residentBytes } from '../../test/support/process-usage.ts';
import type { Child } from '../child.ts';
import type { ConsumerQuestion, Flooded } from '../hops/consumer-process.ts';
import { runPaced, type Outcome } from '../hops/run.ts';
import { percentile, sum } from '../statistics.ts';
import type { GatewayWay } from './ways.ts';

const PROBES = { most: 100, withinMs: 2_000 };
/** Short requests. */
export const AT_ONCE = 32;

/** Of one run under a steady load. */
export interface GatewayOutcome extends Outcome {
  residentBytes: number[];
}

/** Of one run of short requests. */
export interface FloodOutcome {
  requestsPerSecond: number;
  /** Of the processes between source and reader. */
  cpuUsPerRequest: number;
}

export interface Load {
  streams: number;
  ratePerSecond: number;
}

interface Reading {
  consumer: Child;
  seconds: number;
}

export async function run(way: GatewayWay, load: Load, { consumer, seconds }: Reading): Promise<GatewayOutcome> {
  let resident: number[] = [];
  const whileRunning = () => (resident = way.between.map(residentBytes));
  const outcome = await runPaced(way, load, { worker: way.source, consumer, seconds, probes: PROBES, whileRunning });
  const cpu = outcome.cpuUsPerEvent.map((us) => us.toFixed(1)).join(' + ');
  const [p50, p99] = [0.5, 0.99].map((share) => (percentile(outcome.firstTokensUs, share) / 1000).toFixed(1));
  const figures = `${outcome.eventsPerSecond.toFixed(0)} events/s, ${cpu} µs of CPU an event, first token ${p50} and ${p99} ms`;
  console.log(`  ${load.streams} streams, ${way.name}: ${figures}, ${(sum(resident) / 1e6).toFixed(0)} MB`);
  return { ...outcome, residentBytes: resident };
}

export async function flood(way: GatewayWay, { consumer, seconds }: Reading): Promise<FloodOutcome> {
  const cpuNs = () => sum(way.between.map(cpuTimeNs));
  const before = cpuNs();
  const { port, chat, fields } = way;
  const question: ConsumerQuestion = { kind: 'flood', target: { port, chat, fields }, atOnce: AT_ONCE, seconds };
  const flooded = await consumer.ask<Flooded>(question);
  const outcome = {
    requestsPerSecond: flooded.requests / flooded.seconds,
    cpuUsPerRequest: (cpuNs() - before) / 1000 / flooded.requests,
  };
  console.log(
    `  ${way.name}: ${outcome.requestsPerSecond.toFixed(0)} requests/s, ${outcome.cpuUsPerRequest.toFixed(0)} µs of CPU each`,
  );
  return outcome;
}
