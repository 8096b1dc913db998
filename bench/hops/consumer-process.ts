import { answerQuestions } from '../child.ts';
import { percentile } from '../statistics.ts';
import type { WireEvent } from '../event-stream.ts';
import { openJob, type JobSocket } from '../job-socket.ts';
import { nowNs, type Plan } from './plan.ts';

/** The one reader of all streams. */
export type ConsumerQuestion =
  | { kind: 'open'; port: number; plans: Plan[] }
  /** Begins a measurement, or ends it. */
  | { kind: 'measure' }
  | { kind: 'measured' }
  /** Waits for the end of every stream, and says how many tokens they brought. */
  | { kind: 'finish' }
  /** Requests of one token, one after the other. */
  | { kind: 'probe'; port: number; most: number; withinMs: number };

export interface Measured {
  tokens: number;
  seconds: number;
  /** From the worker's making of a token to the reading of its bytes. */
  latencyUs: { p50: number; p99: number };
}

let jobs: JobSocket[] = [];
let tokens = 0;
let latenciesUs: number[] = [];
let sinceNs = 0;

function count(events: WireEvent[]): void {
  const now = nowNs();
  for (const { kind, text } of events) {
    if (kind !== 'token') continue;
    tokens += 1;
    if (sinceNs > 0) latenciesUs.push((now - Number(text)) / 1000);
  }
}

async function open(port: number, plans: Plan[]): Promise<void> {
  const opened = plans.map((plan) => openJob(port, asRequest(plan), count));
  jobs.push(...opened);
  await Promise.all(opened.map((job) => job.opened));
}

function asRequest(plan: Plan): object {
  return { operation: 'infer', prompt: JSON.stringify(plan) };
}

function measure(): void {
  latenciesUs = [];
  sinceNs = nowNs();
}

function measured(): Measured {
  const seconds = (nowNs() - sinceNs) / 1e9;
  sinceNs = 0;
  const latencyUs = { p50: percentile(latenciesUs, 0.5), p99: percentile(latenciesUs, 0.99) };
  return { tokens: latenciesUs.length, seconds, latencyUs };
}

async function finish(): Promise<number> {
  await Promise.all(jobs.map(({ ended }) => ended));
  const all = tokens;
  [jobs, tokens] = [[], 0];
  return all;
}

/** @returns microseconds from the request to its first token */
async function probe({ port, most, withinMs }: { port: number; most: number; withinMs: number }): Promise<number[]> {
  const deadlineNs = nowNs() + withinMs * 1e6;
  const firstTokensUs: number[] = [];
  while (firstTokensUs.length < most && nowNs() < deadlineNs) {
    const startNs = nowNs();
    let tokenNs = 0;
    await openJob(port, asRequest({ kind: 'single' }), () => (tokenNs ||= nowNs())).ended;
    firstTokensUs.push((tokenNs - startNs) / 1000);
  }
  return firstTokensUs;
}

answerQuestions<ConsumerQuestion>((question) => {
  switch (question.kind) {
    case 'open':
      return open(question.port, question.plans);
    case 'measure':
      return measure();
    case 'measured':
      return measured();
    case 'finish':
      return finish();
    case 'probe':
      return probe(question);
  }
});
