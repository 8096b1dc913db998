import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { DONE, isEventKind, isTerminal } from '../../contract/index.ts';
import { ANSWER_LIMITS, LASTING_CONNECTION_MS, RECONNECT_BACKOFF_MS, RECONNECT_DEADLINE_MS } from '../limits.ts';
import { Backoff } from './backoff.ts';
import { isLegalEvent } from './event-check.ts';
import { asJobError, badResponse, isSilence, networkCode, unreachable, whyUnreachable, type PeerRole } from './peer-errors.ts';
import type { StreamEvent } from './stream-event.ts';

export interface Broken {
  /** For people. */
  reason: string;
  cause: unknown;
  /** Time left until the peer counts as unreachable, if no attempt succeeds. */
  leftMs: number;
}

export interface StreamOptions {
  /** Seq of the last event that the caller has; 0 for none. */
  after: number;
  signal: AbortSignal;
  /** Called when the stream broke and is being opened again. */
  onReconnect?: ((broken: Broken) => void) | undefined;
}

interface Resuming extends StreamOptions {
  /** Opens the stream after an event. @returns its text, in pieces. @throws errors with a network code where another attempt may help */
  open: (after: number) => Promise<AsyncIterable<string>>;
}

/**
 * The events of a job, each exactly once and in order, up to and with its terminal event. A stream that breaks, falls silent or ends
 * without a terminal event is resumed after the last event that arrived. Runs in Node and in browsers.
 * @throws JobError <role>_unreachable when it cannot be resumed within RECONNECT_DEADLINE_MS, <role>_bad_response, or the error that the
 *   peer answered with; the signal's reason
 */
export async function* resumeStream(
  peer: PeerRole,
  jobId: string,
  { after, signal, onReconnect, open }: Resuming,
): AsyncGenerator<StreamEvent, void, void> {
  let last = after;
  let brokenSince: number | undefined;
  const backoff = new Backoff(RECONNECT_BACKOFF_MS);
  for (;;) {
    let cause: unknown = 'connection closed';
    let openedAt: number | undefined;
    try {
      const pieces = await open(last);
      openedAt = performance.now();
      for await (const event of parseEvents(peer, pieces)) {
        if (event.seq !== last + 1) throw badResponse(peer, `The events of job '${jobId}' jumped from ${last} to ${event.seq}`);
        last = event.seq;
        brokenSince = undefined;
        backoff.reset();
        yield event;
        if (isTerminal(event.kind)) return;
      }
    } catch (error) {
      signal.throwIfAborted();
      // Another attempt may fix a broken connection; any other error is an answer, or a bug.
      if (networkCode(error) === undefined) throw asJobError(peer, error);
      cause = error;
    }
    // A job may emit nothing for hours, over connections that break now and then.
    const hasLasted = openedAt !== undefined && performance.now() - openedAt >= LASTING_CONNECTION_MS;
    if (hasLasted && !isSilence(cause)) brokenSince = undefined;
    brokenSince ??= performance.now();
    const leftMs = RECONNECT_DEADLINE_MS - (performance.now() - brokenSince);
    if (leftMs < 0) throw unreachable(peer, cause);
    onReconnect?.({ reason: whyUnreachable(cause), cause, leftMs });
    await pause(backoff.nextMs(), signal);
  }
}

async function* parseEvents(peer: PeerRole, pieces: AsyncIterable<string>): AsyncGenerator<StreamEvent, void, void> {
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
  for await (const piece of pieces) {
    parser.feed(piece);
    const events = arrived;
    arrived = [];
    yield* events;
  }
}

function asStreamEvent(peer: PeerRole, { id, event: kind, data: json }: EventSourceMessage): StreamEvent {
  const isNumbered = id !== undefined && /^\d{1,15}$/.test(id);
  if (!isNumbered || kind === undefined || !isEventKind(kind) || !isLegalEvent(peer, { kind, json })) {
    throw badResponse(peer, `The ${peer.role} sent a malformed event`);
  }
  return { seq: Number(id), kind, json };
}

/** @throws the signal's reason */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over);
    if (signal.aborted) over();
  });
  signal.throwIfAborted();
}
