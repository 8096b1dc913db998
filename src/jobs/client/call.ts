import type { IncomingMessage } from 'node:http';
import type { JobError } from '../../contract/index.ts';
import { exchange, textOf, type Exchange } from './exchange.ts';
import { parseBounded } from './json-shape.ts';
import { ANSWER_LIMITS, PROMPT_ANSWER_DEADLINE_MS } from '../limits.ts';
import type { Peer } from './peer.ts';
import { asJobError, badResponse, networkCode, unreachable } from './peer-errors.ts';
import { capitalised, refusalOf } from './refusal.ts';

export interface CallOptions extends Exchange {
  /** Safe to send twice: a connection that breaks before the answer is tried once more. */
  repeatable?: boolean;
}

/**
 * One small request and its JSON answer.
 * @throws JobError what the peer answered, or <role>_unreachable, <role>_bad_response
 */
export async function call(peer: Peer, options: CallOptions): Promise<unknown> {
  const { status, text } = await send(peer, options);
  const answer = parseBounded(text, (options.answerLimits ?? ANSWER_LIMITS[peer.role]).values);
  if (status === 200) {
    if (answer === undefined) throw badResponse(peer, `${capitalised(peer.role)} answered with something that is not JSON`);
    return answer;
  }
  throw refusalOf(peer, status, answer);
}

/** The error in an answer that is not the expected one. */
export async function refusalIn(peer: Peer, response: IncomingMessage): Promise<JobError> {
  const text = await textOf(peer, response, { answerWithinMs: PROMPT_ANSWER_DEADLINE_MS });
  return refusalOf(peer, response.statusCode ?? 0, parseBounded(text, ANSWER_LIMITS[peer.role].values));
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

/** A deadline of the caller counts like rbee's own. */
function abortReason(peer: Peer, signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
  return isTimeout ? unreachable(peer, 'no answer in time') : reason;
}

async function attempt(peer: Peer, options: CallOptions): Promise<{ status: number; text: string }> {
  const response = await exchange(peer, options);
  return { status: response.statusCode ?? 0, text: await textOf(peer, response, options) };
}
