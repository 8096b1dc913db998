import type { IncomingMessage } from 'node:http';
import { asJobError, refusalIn } from '../client/call.ts';
import { exchange } from '../client/exchange.ts';
import { FEED_HEADER, PING_LINE, parseFeedLine, type FeedLine } from './feed-lines.ts';
import { ANSWER_LIMITS, PROMPT_ANSWER_DEADLINE_MS } from '../limits.ts';
import { LineLink } from './line-link.ts';
import { badResponse, type Peer } from '../client/peer.ts';

/** `<tag> <seq> <kind> `, whose numbers have at most 16 digits. */
const LINE_HEAD_CHARS = 64;
/** Goes back to the peer in a header and a path. */
const FEED_ID = /^[\x21-\x7e]{1,128}$/;

interface LinkListener {
  /** @returns whether it was one of ours; one that was not ends the connection */
  onLine(line: FeedLine): boolean;
  /** Called once. The cause is a JobError when what came was not ours. */
  onClosed(link: FeedLink, cause: unknown): void;
}

/** One connection of a feed, from its opening to its end, and what is followed on it. */
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

  /** Aborts when it has ended, with what ended it. */
  get closed(): AbortSignal {
    return this.#lines.closed;
  }

  /** Since it was opened. */
  get ageMs(): number {
    return performance.now() - this.#openedAt;
  }

  /** Since something last came on it. */
  get quietMs(): number {
    return this.#lines.quietMs;
  }

  destroy(cause: Error): void {
    this.#lines.destroy(cause);
  }
}

/**
 * @returns undefined when the peer has no feeds
 * @throws JobError <role>_unreachable, or what the peer answered
 */
export async function openFeedLink(peer: Peer, listener: LinkListener): Promise<FeedLink | undefined> {
  try {
    const response = await exchange(peer, { method: 'GET', path: '/v1/feed', answerWithinMs: PROMPT_ANSWER_DEADLINE_MS });
    const id = response.headers[FEED_HEADER];
    if (response.statusCode !== 200 || typeof id !== 'string') {
      await requireNoRefusal(peer, response);
      return undefined;
    }
    if (FEED_ID.test(id)) return new FeedLink(peer, { id, response }, listener);
    response.destroy();
    throw badResponse(peer, `The ${peer.role} gave its feed a name that is none`);
  } catch (cause) {
    throw asJobError(peer, cause);
  }
}

/** What is no feed may be an error of ours, or a peer without feeds. */
async function requireNoRefusal(peer: Peer, response: IncomingMessage): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status === 200 || status === 404) {
    response.destroy();
    return;
  }
  const error = await refusalIn(peer, response);
  if (error.code !== `${peer.role}_bad_response`) throw error;
}
