import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { DONE, isTerminal, type EventKind } from '../contract/index.ts';
import { parseJson, refusal } from './call.ts';
import { exchange, textOf } from './exchange.ts';
import type { Broken } from './follower.ts';
import {
  EVENT_LIMIT_CHARS,
  PROMPT_ANSWER_DEADLINE_MS,
  RECONNECT_BACKOFF_MS,
  RECONNECT_DEADLINE_MS,
  SILENCE_DEADLINE_MS,
} from './limits.ts';
import { badResponse, DeadlineError, networkCode, unreachable, whyUnreachable, type Peer } from './peer.ts';
import type { StreamEvent } from './stream-event.ts';

export interface StreamOptions {
  /** Seq of the last event that the caller has; 0 for none. */
  after: number;
  signal: AbortSignal;
  /** Told when the stream broke and is being taken up again. */
  onReconnect?: ((broken: Broken) => void) | undefined;
}

/**
 * The events of a job, each exactly once and in order, up to and with its terminal event. A stream that breaks,
 * falls silent or ends without a terminal event is taken up again after the last event that arrived.
 * @throws JobError <role>_unreachable when it cannot be taken up within RECONNECT_DEADLINE_MS, <role>_bad_response,
 *   or what the peer answered; the signal's reason
 */
export async function* readStream(peer: Peer, jobId: string, options: StreamOptions): AsyncGenerator<StreamEvent, void, void> {
  let last = options.after;
  let brokenSince: number | undefined;
  let backoffMs: number = RECONNECT_BACKOFF_MS.first;
  for (;;) {
    let cause: unknown = 'connection closed';
    try {
      for await (const event of readOnce(peer, jobId, { ...options, after: last })) {
        if (event.seq !== last + 1) throw badResponse(peer, `The events of job '${jobId}' jumped from ${last} to ${event.seq}`);
        last = event.seq;
        brokenSince = undefined;
        backoffMs = RECONNECT_BACKOFF_MS.first;
        yield event;
        if (isTerminal(event.kind)) return;
      }
    } catch (error) {
      options.signal.throwIfAborted();
      // Only a broken connection is worth another try; anything else is an answer, or a defect.
      if (networkCode(error) === undefined) throw error;
      cause = error;
    }
    brokenSince ??= performance.now();
    const leftMs = RECONNECT_DEADLINE_MS - (performance.now() - brokenSince);
    if (leftMs < 0) throw unreachable(peer, cause);
    options.onReconnect?.({ reason: whyUnreachable(cause), cause, leftMs });
    await delay(backoffMs * (0.5 + Math.random() / 2), undefined, { signal: options.signal }).catch(() =>
      options.signal.throwIfAborted(),
    );
    backoffMs = Math.min(backoffMs * 2, RECONNECT_BACKOFF_MS.most);
  }
}

async function* readOnce(peer: Peer, jobId: string, options: StreamOptions): AsyncGenerator<StreamEvent, void, void> {
  const response = await exchange(peer, {
    method: 'GET',
    path: `/v1/jobs/${encodeURIComponent(jobId)}/stream`,
    headers: { accept: 'text/event-stream', 'last-event-id': String(options.after) },
    signal: options.signal,
    answerWithinMs: PROMPT_ANSWER_DEADLINE_MS,
  });
  response.setTimeout(SILENCE_DEADLINE_MS, () => response.destroy(new DeadlineError('SILENCE_DEADLINE', SILENCE_DEADLINE_MS)));
  if (response.statusCode !== 200) throw refusal(peer, response.statusCode ?? 0, parseJson(await textOf(response)));
  if (!String(response.headers['content-type']).startsWith('text/event-stream')) {
    response.destroy();
    throw badResponse(peer, `The ${peer.role} answered with something that is not a stream of events`);
  }
  yield* parseBody(peer, response);
}

async function* parseBody(peer: Peer, response: IncomingMessage): AsyncGenerator<StreamEvent, void, void> {
  let arrived: StreamEvent[] = [];
  const parser = createParser({
    onEvent: (message) => {
      if (message.data !== DONE) arrived.push(asStreamEvent(peer, message));
    },
    maxBufferSize: EVENT_LIMIT_CHARS,
    onError: (error) => {
      throw badResponse(peer, `The ${peer.role} sent a stream that is not ours: ${error.message}`, error);
    },
  });
  response.setEncoding('utf8');
  for await (const chunk of response) {
    parser.feed(chunk as string);
    const events = arrived;
    arrived = [];
    yield* events;
  }
}

const KINDS: ReadonlySet<string> = new Set<EventKind>(['narration', 'progress', 'token', 'result', 'failed', 'cancelled']);

function asStreamEvent(peer: Peer, { id, event, data }: EventSourceMessage): StreamEvent {
  // A line break in the data would break the framing one hop up; ours never has one. What is not JSON would break its readers.
  if (
    id === undefined ||
    !/^\d{1,15}$/.test(id) ||
    event === undefined ||
    !KINDS.has(event) ||
    data.includes('\n') ||
    !isObject(parseJson(data))
  ) {
    throw badResponse(peer, `The ${peer.role} sent an event that is not ours`);
  }
  return { seq: Number(id), kind: event as EventKind, json: data };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
