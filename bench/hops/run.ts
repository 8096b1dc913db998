import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../child.ts';
import { cpuTimeNs } from '../../test/support/process-usage.ts';
import type { ConsumerQuestion, Measured, Probes, Target } from './consumer-process.ts';
import type { Plan } from './plan.ts';
import type { WorkerQuestion } from './worker-process.ts';

export interface Load {
  streams: number;
  /** Undefined: as fast as they go. */
  ratePerSecond?: number;
}

/** Where the streams are read, and the processes that they pass, the first one of which makes the tokens. */
export interface Way extends Target {
  pids: number[];
}

export interface Outcome {
  eventsPerSecond: number;
  /** One for each process of the chain, the worker first. */
  cpuUsPerEvent: number[];
  latencyUs: { p50: number; p99: number };
  /** From the request to its first token, one for each probe; none where the tokens did not keep up. */
  firstTokensUs: number[];
}

export interface Ends {
  worker: Child;
  consumer: Child;
}

export interface PacedOptions extends Ends {
  seconds: number;
  probes?: Probes;
  /** Called while all streams run. */
  whileRunning?: () => void;
}

/** Long enough for the just-in-time compiler, and for the opening of the streams to be over. */
const WARM_UP_MS = 1_000;
const PROBES: Probes = { most: 40, withinMs: 1_500 };
/** Where less than this share of the tokens arrives in time, a further request waits for all that has piled up. */
const KEPT_UP = 0.5;
const OPENED_AT_ONCE = 50;
const UNPACED_TOKENS = 1_000;

/** Opens all streams, waits until they flow, and measures for a while. */
export async function runPaced(
  chain: Way,
  load: Required<Load>,
  { worker, consumer, seconds, probes = PROBES, whileRunning }: PacedOptions,
): Promise<Outcome> {
  const { streams, ratePerSecond } = load;
  const plans = Array.from({ length: streams }, (_, at): Plan => ({ kind: 'paced', ratePerSecond, phase: at / streams }));
  await openAll(chain, plans, { worker, consumer });
  await askWorker(worker, { kind: 'go' });
  await delay(WARM_UP_MS);
  const before = chain.pids.map(cpuTimeNs);
  await askConsumer(consumer, { kind: 'measure' });
  await delay(seconds * 1000);
  const measured = await askConsumer<Measured>(consumer, { kind: 'measured' });
  const cpuNs = chain.pids.map((pid, at) => cpuTimeNs(pid) - (before[at] ?? 0));
  const keepsUp = measured.tokens / measured.seconds > KEPT_UP * streams * ratePerSecond;
  const question: ConsumerQuestion = { kind: 'probe', target: targetOf(chain), ...probes };
  const firstTokensUs = keepsUp ? await askConsumer<number[]>(consumer, question) : [];
  whileRunning?.();
  const made = await askWorker<number>(worker, { kind: 'stop' });
  checkWhole(made, await askConsumer<number>(consumer, { kind: 'finish' }));
  return {
    eventsPerSecond: measured.tokens / measured.seconds,
    cpuUsPerEvent: cpuNs.map((ns) => ns / 1000 / measured.tokens),
    latencyUs: measured.latencyUs,
    firstTokensUs,
  };
}

/** From the first token to the end of the last stream. */
export async function runUnpaced(chain: Way, { streams }: Load, { worker, consumer }: Ends): Promise<Outcome> {
  const plans = Array.from({ length: streams }, (): Plan => ({ kind: 'unpaced', tokens: UNPACED_TOKENS }));
  await openAll(chain, plans, { worker, consumer });
  await delay(WARM_UP_MS / 2);
  const before = chain.pids.map(cpuTimeNs);
  await askConsumer(consumer, { kind: 'measure' });
  await askWorker(worker, { kind: 'go' });
  const tokens = await askConsumer<number>(consumer, { kind: 'finish' });
  const { seconds, latencyUs } = await askConsumer<Measured>(consumer, { kind: 'measured' });
  const cpuNs = chain.pids.map((pid, at) => cpuTimeNs(pid) - (before[at] ?? 0));
  checkWhole(streams * UNPACED_TOKENS, tokens);
  return {
    eventsPerSecond: tokens / seconds,
    cpuUsPerEvent: cpuNs.map((ns) => ns / 1000 / tokens),
    latencyUs,
    firstTokensUs: [],
  };
}

/** Requests of one token through a chain that does nothing else. */
export async function runIdle(chain: Way, consumer: Child): Promise<number[]> {
  return askConsumer<number[]>(consumer, { kind: 'probe', target: targetOf(chain), ...PROBES });
}

/** A few at a time, so that no hop is asked for more connections at once than it can queue. */
async function openAll(chain: Way, plans: Plan[], { worker, consumer }: Ends): Promise<void> {
  for (let open = 0; open < plans.length; open += OPENED_AT_ONCE) {
    await askConsumer(consumer, { kind: 'open', target: targetOf(chain), plans: plans.slice(open, open + OPENED_AT_ONCE) });
    await askWorker(worker, { kind: 'arrived', streams: Math.min(open + OPENED_AT_ONCE, plans.length) });
  }
}

function targetOf({ port, chat, fields }: Way): Target {
  return { port, chat, fields };
}

function askConsumer<T>(consumer: Child, question: ConsumerQuestion): Promise<T> {
  return consumer.ask<T>(question);
}

function askWorker<T>(worker: Child, question: WorkerQuestion): Promise<T> {
  return worker.ask<T>(question);
}

function checkWhole(made: number, arrived: number): void {
  if (made !== arrived) throw new Error(`${made} tokens were made and ${arrived} arrived`);
}
