import { isErrorCode, JobError, actors, type Actor } from '../contract/index.ts';
import * as z from 'zod';
import { exchange, type Exchange } from './exchange.ts';
import { ANSWER_DEADLINE_MS } from './limits.ts';
import { badResponse, DeadlineError, networkCode, unreachable, type Peer } from './peer.ts';

export interface CallOptions extends Exchange {
  /** Safe to send twice: a connection that breaks before the answer is tried once more. */
  repeatable?: boolean;
}

/** Over this, an answer to a small call is not ours. */
const ANSWER_LIMIT_CHARS = 16 * 1024 * 1024;

const errorBody = z.object({
  error: z.object({ code: z.string(), message: z.string(), origin: z.enum(actors).optional() }),
});

/**
 * One small request and its JSON answer.
 * @throws JobError what the peer answered, or <role>_unreachable, <role>_bad_response
 */
export async function call(peer: Peer, options: CallOptions): Promise<unknown> {
  const { status, text } = await send(peer, options);
  const answer = parseJson(text);
  if (status === 200) {
    if (answer === undefined) throw badResponse(peer, `${capitalised(peer.role)} answered with something that is not JSON`);
    return answer;
  }
  throw refusal(peer, status, answer);
}

/** The error that a peer answered with, kept as it was made. */
export function refusal(peer: Peer, status: number, answer: unknown): JobError {
  const parsed = errorBody.safeParse(answer);
  if (!parsed.success || !isErrorCode(parsed.data.error.code)) {
    return badResponse(peer, `${capitalised(peer.role)} answered HTTP ${status} without an error of ours`);
  }
  const { code, message, origin } = parsed.data.error;
  return new JobError(code, message, origin === undefined ? {} : { origin: origin satisfies Actor });
}

export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // The caller says what it expected instead.
  }
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
  const code = networkCode(cause);
  if (code === undefined) return cause;
  if (code.startsWith('HPE_')) return badResponse(peer, `What answers as the ${peer.role} does not speak HTTP`, cause);
  return unreachable(peer, cause);
}

/** A deadline of the caller's is told like one of ours. */
function abortReason(peer: Peer, signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError';
  return isTimeout ? unreachable(peer, 'no answer in time') : reason;
}

async function attempt(peer: Peer, options: CallOptions): Promise<{ status: number; text: string }> {
  const response = await exchange(peer, options);
  // A peer may send its head and then nothing more.
  const timer = setTimeout(() => response.destroy(new DeadlineError('ANSWER_DEADLINE', ANSWER_DEADLINE_MS)), ANSWER_DEADLINE_MS);
  try {
    response.setEncoding('utf8');
    let text = '';
    for await (const chunk of response) {
      text += chunk as string;
      if (text.length > ANSWER_LIMIT_CHARS) {
        throw badResponse(peer, `${capitalised(peer.role)} answered with more than ${ANSWER_LIMIT_CHARS} characters`);
      }
    }
    return { status: response.statusCode ?? 0, text };
  } finally {
    clearTimeout(timer);
  }
}
