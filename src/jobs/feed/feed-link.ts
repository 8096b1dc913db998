import type { IncomingMessage } from 'node:http';
import { refusalIn } from '../client/call.ts';
import { exchange } from '../client/exchange.ts';
import { FEED_HEADER, PING_LINE, parseFeedLine, type FeedLine } from './feed-lines.ts';
import { ANSWER_LIMITS, PROMPT_ANSWER_DEADLINE_MS } from '../limits.ts';
import { LineLink } from './line-link.ts';
import type { Peer } from '../client/peer.ts';
import { asJobError, badResponse } from '../client/peer-errors.ts';

/** `<tag> <seq> <kind> `, whose numbers have at most 16 digits. */
const LINE_HEAD_CHARS = 64;
/** The id goes back to the peer in a header and in a path. */
const FEED_ID = /^[\x21-\x7e]{1,128}$/;

interface LinkListener {
  /** @returns whether the line was legal; one that was not closes the connection */
  onLine(line: FeedLine): boolean;
  /** Called once. The cause is a JobError for a malformed line. */
  onClosed(link: FeedLink, cause: unknown): void;
}

/** One connection of a feed, from open to close, and the jobs that are followed on it. */
export class FeedLink {
  readonly id: string;
  /** By tag. */
  readonly followed = new Set<number>();
  readonly #openedAt = performance.now();
  readonly #lines: LineLink;

  constructor(peer: Peer, opened: { id: string; response: IncomingMessage }, listener: LinkListener) {
    this.id = opened.id;
    this.#lines = new LineLink(peer, opened.response, {
      lineLimitChars: ANSWER_LIMITS[peer.role].resultChars + LINE_HEAD_CHARS,
      onLine: (text) => {
        if (text === PING_LINE) return true;
        const line = parseFeedLine(text);
        return line !== undefined && listener.onLine(line);
      },
      onClosed: (cause) => listener.onClosed(this, cause),
    });
  }

  /** Aborts when the connection has closed, with the cause. */
  get closed(): AbortSignal {
    return this.#lines.closed;
  }

  /** Since it was opened. */
  get ageMs(): number {
    return performance.now() - this.#openedAt;
  }

  /** Since data last arrived on it. */
  get quietMs(): number {
    return this.#lines.quietMs;
  }

  destroy(cause: Error): void {
    this.#lines.destroy(cause);
  }
}

/** @throws JobError <role>_unreachable, <role>_bad_response, or the error that the peer answered with */
export async function openFeedLink(peer: Peer, listener: LinkListener): Promise<FeedLink> {
  try {
    const response = await exchange(peer, { method: 'GET', path: '/v1/feed', answerWithinMs: PROMPT_ANSWER_DEADLINE_MS });
    if (response.statusCode !== 200) throw await refusalIn(peer, response);
    const id = response.headers[FEED_HEADER];
    if (typeof id === 'string' && FEED_ID.test(id)) return new FeedLink(peer, { id, response }, listener);
    response.destroy();
    throw badResponse(peer, `The ${peer.role} did not open a feed`);
  } catch (cause) {
    throw asJobError(peer, cause);
  }
}
