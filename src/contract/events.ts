import * as z from 'zod';
import type { TokenLogprob } from './operations/conversation.ts';

export const actors = ['rbee-keeper', 'queen-rbee', 'rbee-hive', 'llm-worker-rbee'] as const;
export type Actor = (typeof actors)[number];

/** Roles that run as daemons and serve jobs. */
export const roles = ['queen', 'hive', 'worker'] as const;
export type Role = (typeof roles)[number];

export const actorOf: Record<Role, Actor> = { queen: 'queen-rbee', hive: 'rbee-hive', worker: 'llm-worker-rbee' };

export const narration = z.object({
  actor: z.enum(actors),
  action: z.string().describe('The step, as one word for scripts'),
  human: z.string().describe('The step, as a sentence for people'),
  job_id: z.string().describe('The job of the role that reports it; relaying keeps this id'),
  correlation_id: z.string(),
  at: z.iso.datetime(),
  detail: z.boolean().optional().describe('True for steps shown only with -v'),
});
export type Narration = z.output<typeof narration>;

export const progress = z.object({
  action: z.string(),
  done: z.number(),
  total: z.number().nullable().describe('Null when unknown'),
  unit: z.enum(['bytes', 'percent', 'tokens']),
  rate: z.number().nullable().describe('Units per second'),
  eta_s: z.number().nullable(),
  sha256: z.string().optional().describe('Of the file that is downloaded, where it is known and the only one'),
});
export type Progress = z.output<typeof progress>;

export const failed = z.object({
  code: z.string(),
  message: z.string(),
  origin: z.enum(actors),
  retryable: z.boolean(),
});

export const cancelled = z.object({ reason: z.string() });

/** What a handler may yield. The JSON of a relayed event is parsed only when `data` is read. */
export type JobEvent =
  | { kind: 'narration'; data: Narration }
  | { kind: 'progress'; data: Progress }
  /** The prompt is accepted and has a slot; cached tokens are not computed again. */
  | { kind: 'prompt'; data: { prompt_tokens: number; cached_tokens?: number } }
  /** A piece of the answer. */
  | { kind: 'token'; data: { text: string; logprobs?: TokenLogprob[] } }
  /** A piece of the reasoning before the answer. */
  | { kind: 'reasoning'; data: { text: string } }
  /** The model begins to call a tool. Calls are counted from 0; the pieces of the arguments follow. */
  | { kind: 'tool_call'; data: { index: number; id: string; name: string } }
  /** A piece of the arguments of a call, of a JSON object as text. */
  | { kind: 'tool_arguments'; data: { index: number; text: string } }
  /** A line of a daemon's log, as it is written there. */
  | { kind: 'log'; data: { line: string } };

export type TerminalKind = 'result' | 'failed' | 'cancelled';
export type EventKind = JobEvent['kind'] | TerminalKind;

/** What an answer is made of. */
const answerKinds: ReadonlySet<string> = new Set<EventKind>(['token', 'reasoning', 'tool_call', 'tool_arguments']);

/** Whether an event is a part of an answer: a job that has one cannot run again without repeating it. */
export function isAnswer(kind: string): boolean {
  return answerKinds.has(kind);
}

const eventKinds: ReadonlySet<string> = new Set<EventKind>([
  'narration',
  'progress',
  'prompt',
  'token',
  'reasoning',
  'tool_call',
  'tool_arguments',
  'log',
  'result',
  'failed',
  'cancelled',
]);

export function isEventKind(kind: string): kind is EventKind {
  return eventKinds.has(kind);
}

const terminalKinds: ReadonlySet<string> = new Set<TerminalKind>(['result', 'failed', 'cancelled']);

export function isTerminal(kind: string): kind is TerminalKind {
  return terminalKinds.has(kind);
}

/** `data` of the line that closes every stream. */
export const DONE = '[DONE]';
