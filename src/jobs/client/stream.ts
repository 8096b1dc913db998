import { setImmediate as othersTurn, setTimeout as delay } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { DONE, isEventKind, isTerminal } from '../../contract/index.ts';
import { Backoff } from './backoff.ts';
import { asJobError, refusalIn } from './call.ts';
import { isLegalEvent } from './event-check.ts';
import { exchange } from './exchange.ts';
import type { Broken } from '../feed/follower.ts';
import {
  ANSWER_LIMITS,
  PROMPT_ANSWER_DEADLINE_MS,
  RECONNECT_BACKOFF_MS,
  RECONNECT_DEADLINE_MS,
  SILENCE_DEADLINE_MS,
  LASTING_CONNECTION_MS,
} from '../limits.ts';
import { badResponse, DeadlineError, isSilence, networkCode, unreachable, whyUnreachable, type Peer } from './peer.ts';
import { Pace } from '../feed/pace.ts';
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
  const backoff = new Backoff(RECONNECT_BACKOFF_MS);
  for (;;) {
    let cause: unknown = 'connection closed';
    let openedAt: number | undefined;
    const onOpened = () => void (openedAt = performance.now());
    try {
      for await (const event of readOnce(peer, jobId, { ...options, after: last, onOpened })) {
        if (event.seq !== last + 1) throw badResponse(peer, `The events of job '${jobId}' jumped from ${last} to ${event.seq}`);
        last = event.seq;
        brokenSince = undefined;
        backoff.reset();
        yield event;
        if (isTerminal(event.kind)) return;
      }
    } catch (error) {
      options.signal.throwIfAborted();
      // Only a broken connection is worth another try; anything else is an answer, or a defect.
      if (networkCode(error) === undefined) throw asJobError(peer, error);
      cause = error;
    }
    // A job may say nothing for hours, on connections that break now and then.
    if (!isSilence(cause) && openedAt !== undefined && performance.now() - openedAt >= LASTING_CONNECTION_MS)
      brokenSince = undefined;
    brokenSince ??= performance.now();
    const leftMs = RECONNECT_DEADLINE_MS - (performance.now() - brokenSince);
    if (leftMs < 0) throw unreachable(peer, cause);
    options.onReconnect?.({ reason: whyUnreachable(cause), cause, leftMs });
    await delay(backoff.nextMs(), undefined, { signal: options.signal }).catch(() => options.signal.throwIfAborted());
  }
}

async function* readOnce(
  peer: Peer,
  jobId: string,
  options: StreamOptions & { onOpened: () => void },
): AsyncGenerator<StreamEvent, void, void> {
  const response = await exchange(peer, {
    method: 'GET',
    path: `/v1/jobs/${encodeURIComponent(jobId)}/stream`,
    headers: { accept: 'text/event-stream', 'last-event-id': String(options.after) },
    signal: options.signal,
    answerWithinMs: PROMPT_ANSWER_DEADLINE_MS,
  });
  response.setTimeout(SILENCE_DEADLINE_MS, () => response.destroy(new DeadlineError('SILENCE_DEADLINE', SILENCE_DEADLINE_MS)));
  if (response.statusCode !== 200) throw await refusalIn(peer, response);
  if (!String(response.headers['content-type']).startsWith('text/event-stream')) {
    response.destroy();
    throw badResponse(peer, `The ${peer.role} answered with something that is not a stream of events`);
  }
  options.onOpened();
  yield* parseBody(peer, response);
}

async function* parseBody(peer: Peer, response: IncomingMessage): AsyncGenerator<StreamEvent, void, void> {
  let arrived: StreamEvent[] = [];
  const parser = createParser({
    onEvent: (message) => {
      if (message.data !== DONE) arrived.push(asStreamEvent(peer, message));
    },
    maxBufferSize: ANSWER_LIMITS[peer.role].resultChars,
    onError: (error) => {
      throw badResponse(peer, `The ${peer.role} sent a malformed stream: ${error.message}`, error);
    },
  });
  response.setEncoding('utf8');
  const pace = new Pace(undefined, 0);
  for await (const chunk of response as AsyncIterable<string>) {
    parser.feed(chunk);
    const events = arrived;
    arrived = [];
    yield* events;
    if (pace.afterPiece(chunk.length, 0) !== undefined) await othersTurn();
  }
}

function asStreamEvent(peer: Peer, { id, event: kind, data: json }: EventSourceMessage): StreamEvent {
  const isNumbered = id !== undefined && /^\d{1,15}$/.test(id);
  if (!isNumbered || kind === undefined || !isEventKind(kind) || !isLegalEvent(peer, { kind, json })) {
    throw badResponse(peer, `The ${peer.role} sent a malformed event`);
  }
  return { seq: Number(id), kind, json };
}
