import type { IncomingMessage } from 'node:http';
import { isErrorCode, JobError, actors, type Actor } from '../../contract/index.ts';
import * as z from 'zod';
import { exchange, textOf, type Exchange } from './exchange.ts';
import { parseBounded } from './json-shape.ts';
import { ANSWER_LIMITS, EVENT_LIMIT_CHARS, PROMPT_ANSWER_DEADLINE_MS } from '../limits.ts';
import { badResponse, isNotHttp, networkCode, unreachable, type Peer } from './peer.ts';

export interface CallOptions extends Exchange {
  /** Safe to send twice: a connection that breaks before the answer is tried once more. */
  repeatable?: boolean;
}

const errorBody = z.object({
  error: z.object({ code: z.string(), message: z.string().max(EVENT_LIMIT_CHARS / 2), origin: z.enum(actors).optional() }),
});

/**
 * One small request and its JSON answer.
 * @throws JobError what the peer answered, or <role>_unreachable, <role>_bad_response
 */
export async function call(peer: Peer, options: CallOptions): Promise<unknown> {
  const { status, text } = await send(peer, options);
  const answer = parseBounded(text, ANSWER_LIMITS[peer.role].values);
  if (status === 200) {
    if (answer === undefined) throw badResponse(peer, `${capitalised(peer.role)} answered with something that is not JSON`);
    return answer;
  }
  throw refusal(peer, status, answer);
}

/** The error that a peer answered with instead of what it was asked for. */
export async function refusalIn(peer: Peer, response: IncomingMessage): Promise<JobError> {
  const text = await textOf(peer, response, PROMPT_ANSWER_DEADLINE_MS);
  return refusal(peer, response.statusCode ?? 0, parseBounded(text, ANSWER_LIMITS[peer.role].values));
}

/** The error that a peer answered with, kept as it was made. */
function refusal(peer: Peer, status: number, answer: unknown): JobError {
  const parsed = errorBody.safeParse(answer);
  if (!parsed.success || !isErrorCode(parsed.data.error.code)) {
    return badResponse(peer, `${capitalised(peer.role)} answered HTTP ${status} without an rbee error`);
  }
  const { code, message, origin } = parsed.data.error;
  return new JobError(code, message, origin === undefined ? {} : { origin: origin satisfies Actor });
}

export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

async function send(peer: Peer, options: CallOptions): Promise<{ status: number; text: string }> {
  try {
    return await attempt(peer, options);
  } catch (cause) {
    if (options.signal?.aborted) throw abortReason(peer, options.signal);
    // A kept connection may have been closed by the other side just as it was used again.
    const isStale = networkCode(cause) === 'ECONNRESET' || networkCode(cause) === 'EPIPE';
    if (!isStale || options.repeatable !== true) throw asJobError(peer, cause);
  }
  try {
    return await attempt(peer, options);
  } catch (cause) {
    throw asJobError(peer, cause);
  }
}

/** What went wrong on the network, in our words; anything else as it is. */
export function asJobError(peer: Peer, cause: unknown): unknown {
  if (isNotHttp(cause)) return badResponse(peer, `What answers as the ${peer.role} does not speak HTTP`, cause);
  return networkCode(cause) === undefined ? cause : unreachable(peer, cause);
}

/** A deadline of the caller's is told like one of ours. */
function abortReason(peer: Peer, signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
  return isTimeout ? unreachable(peer, 'no answer in time') : reason;
}

async function attempt(peer: Peer, options: CallOptions): Promise<{ status: number; text: string }> {
  const response = await exchange(peer, options);
  return { status: response.statusCode ?? 0, text: await textOf(peer, response, options.answerWithinMs) };
}
