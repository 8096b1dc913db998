import { cancelled, failed, narration, progress, tokenLogprob, type EventKind } from '../../contract/index.ts';
import { parseBounded } from './json-shape.ts';
import { ANSWER_LIMITS, EVENT_LIMIT_CHARS } from '../limits.ts';
import type { PeerRole } from './peer-errors.ts';
import type { StreamEvent } from './stream-event.ts';

const logprobsSchema = tokenLogprob.array();

type Check = (data: Record<string, unknown>) => boolean;

const CHECKS: Record<EventKind, Check> = {
  token: ({ text, logprobs }) =>
    typeof text === 'string' && (logprobs === undefined || logprobsSchema.safeParse(logprobs).success),
  reasoning: ({ text }) => typeof text === 'string',
  prompt: ({ prompt_tokens }) => Number.isInteger(prompt_tokens),
  tool_call: ({ index, id, name }) => isIndex(index) && typeof id === 'string' && typeof name === 'string',
  tool_arguments: ({ index, text }) => isIndex(index) && typeof text === 'string',
  narration: (data) => narration.safeParse(data).success,
  log: ({ line }) => typeof line === 'string',
  progress: (data) => progress.safeParse(data).success,
  failed: (data) => failed.safeParse(data).success,
  cancelled: (data) => cancelled.safeParse(data).success,
  // Which output it has to be depends on the operation; decodeResult checks it.
  result: () => true,
};

function isIndex(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

/** A token as this program writes it: all but a few. Matched in a third of the time that parsing takes, and short, because it backtracks. */
const PLAIN_TOKEN = /^\{"text":"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"\}$/;
const PLAIN_TOKEN_CHARS = 256;

/**
 * Whether an event that a peer sent is legal for its kind: one JSON object, on one line, of a bounded length, with the fields that
 * every later reader relies on. Nothing else gets into a job's log, so no reader of a log has to expect it.
 */
export function isLegalEvent({ role }: PeerRole, { kind, json }: Pick<StreamEvent, 'kind' | 'json'>): boolean {
  if (kind === 'token' && json.length <= PLAIN_TOKEN_CHARS && PLAIN_TOKEN.test(json)) return true;
  const { resultChars, values } = ANSWER_LIMITS[role];
  if (json.length > (kind === 'result' ? resultChars : EVENT_LIMIT_CHARS)) return false;
  // JSON takes a line break between its values, where it would end a line one hop up.
  if (json.includes('\n') || json.includes('\r')) return false;
  const data = parseBounded(json, values);
  return typeof data === 'object' && data !== null && !Array.isArray(data) && CHECKS[kind](data as Record<string, unknown>);
}
