import type { IncomingMessage } from 'node:http';
import { asJobError, parseJson, refusal } from './call.ts';
import { exchange, textOf } from './exchange.ts';
import { FEED_HEADER, PING_LINE, parseFeedLine, type FeedLine } from './feed-lines.ts';
import { PROMPT_ANSWER_DEADLINE_MS } from './limits.ts';
import { LineLink } from './line-link.ts';
import type { Peer } from './peer.ts';

interface LinkListener {
  /** Undefined for a ping. */
  onLine(line: FeedLine | undefined): void;
  /** Called once. The cause is a JobError when what came was not ours. */
  onClosed(link: FeedLink, cause: unknown): void;
}

/** One connection of a feed, from its opening to its end, and what is followed on it. */
export class FeedLink {
  readonly id: string;
  /** By tag. */
  readonly followed = new Set<number>();
  readonly #lines: LineLink;

  constructor(peer: Peer, opened: { id: string; response: IncomingMessage }, listener: LinkListener) {
    this.id = opened.id;
    this.#lines = new LineLink(peer, opened.response, {
      onLine: (text) => {
        const line = text === PING_LINE ? undefined : parseFeedLine(text);
        if (line === undefined && text !== PING_LINE) return false;
        listener.onLine(line);
        return true;
      },
      onClosed: (cause) => listener.onClosed(this, cause),
    });
  }

  /** Aborts when it has ended, with what ended it. */
  get closed(): AbortSignal {
    return this.#lines.closed;
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
    if (response.statusCode === 200 && typeof id === 'string') return new FeedLink(peer, { id, response }, listener);
    await requireNoRefusal(peer, response);
    return undefined;
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
  const error = refusal(peer, status, parseJson(await textOf(response)));
  if (error.code !== `${peer.role}_bad_response`) throw error;
}
