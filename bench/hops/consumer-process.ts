import { answerQuestions } from '../child.ts';
import { percentile } from '../statistics.ts';
import { openChat, type ChatApi, type Piece } from '../chat-socket.ts';
import { openJob, type JobSocket } from '../job-socket.ts';
import { nowNs, type Plan } from './plan.ts';

/** Where the reader sends its requests: to rbee's own protocol, or to an API for chats. */
export interface Target {
  port: number;
  chat?: ChatApi | undefined;
  /** Further ones of the job. */
  fields?: object | undefined;
}

/** The one reader of all streams. */
export type ConsumerQuestion =
  | { kind: 'open'; target: Target; plans: Plan[] }
  /** Begins a measurement, or ends it. */
  | { kind: 'measure' }
  | { kind: 'measured' }
  /** Waits for the end of every stream, and says how many tokens they brought. */
  | { kind: 'finish' }
  /** Requests of one token, one after the other. */
  | ({ kind: 'probe'; target: Target } & Probes)
  /** Requests of one token, so many at once: how many of them end in that time. */
  | { kind: 'flood'; target: Target; atOnce: number; seconds: number };

/** No more requests than `most`, and none that starts after `withinMs`. */
export interface Probes {
  most: number;
  withinMs: number;
}

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

function count(events: readonly Piece[]): void {
  const now = nowNs();
  for (const { kind, text } of events) {
    if (kind !== 'token') continue;
    tokens += 1;
    if (sinceNs > 0) latenciesUs.push((now - Number(text)) / 1000);
  }
}

async function open(target: Target, plans: Plan[]): Promise<void> {
  const opened = plans.map((plan) => openOne(target, plan, count));
  jobs.push(...opened);
  await Promise.all(opened.map((job) => job.opened));
}

function openOne({ port, chat, fields }: Target, plan: Plan, onEvents: (events: readonly Piece[]) => void): JobSocket {
  const prompt = JSON.stringify(plan);
  if (chat !== undefined) return openChat(port, { ...chat, prompt }, onEvents);
  return openJob(port, { operation: 'infer', prompt, ...fields }, onEvents);
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
async function probe({ target, most, withinMs }: { target: Target } & Probes): Promise<number[]> {
  const deadlineNs = nowNs() + withinMs * 1e6;
  const firstTokensUs: number[] = [];
  while (firstTokensUs.length < most && nowNs() < deadlineNs) {
    const startNs = nowNs();
    let tokenNs = 0;
    const note = (events: readonly Piece[]) => {
      if (tokenNs === 0 && events.some(({ kind }) => kind === 'token')) tokenNs = nowNs();
    };
    await openOne(target, { kind: 'single' }, note).ended;
    firstTokensUs.push((tokenNs - startNs) / 1000);
  }
  return firstTokensUs;
}

/** @returns how many requests ended, and in how many seconds */
async function flood({ target, atOnce, seconds }: { target: Target; atOnce: number; seconds: number }): Promise<Flooded> {
  const startNs = nowNs();
  let requests = 0;
  const inTurn = async () => {
    while (nowNs() - startNs < seconds * 1e9) {
      await openOne(target, { kind: 'single' }, () => undefined).ended;
      requests += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, inTurn));
  return { requests, seconds: (nowNs() - startNs) / 1e9 };
}

export interface Flooded {
  requests: number;
  seconds: number;
}

answerQuestions<ConsumerQuestion>((question) => {
  switch (question.kind) {
    case 'open':
      return open(question.target, question.plans);
    case 'measure':
      return measure();
    case 'measured':
      return measured();
    case 'finish':
      return finish();
    case 'probe':
      return probe(question);
    case 'flood':
      return flood(question);
  }
});
