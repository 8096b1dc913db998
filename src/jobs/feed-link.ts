import type { IncomingMessage } from 'node:http';
import { asJobError, parseJson, refusal } from './call.ts';
import { exchange, textOf } from './exchange.ts';
import { FEED_HEADER, parseFeedLine, type FeedLine } from './feed-lines.ts';
import { EVENT_LIMIT_CHARS, FEED_SILENCE_DEADLINE_MS, PROMPT_ANSWER_DEADLINE_MS } from './limits.ts';
import { badResponse, ConnectionClosedError, DeadlineError, type Peer } from './peer.ts';

/** How often silence is looked for. Counted in looks, so that the time in which this process itself was frozen does not count. */
const LOOK_INTERVAL_MS = 1_000;

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
  readonly #response: IncomingMessage;
  readonly #peer: Peer;
  readonly #listener: LinkListener;
  readonly #closed = new AbortController();
  #cause: unknown = new ConnectionClosedError();
  #quietLooks = 0;
  #rest = '';

  constructor(peer: Peer, opened: { id: string; response: IncomingMessage }, listener: LinkListener) {
    const { id, response } = opened;
    this.id = id;
    this.#peer = peer;
    this.#response = response;
    this.#listener = listener;
    // It keeps no process alive: who follows a job waits for that.
    response.socket.unref();
    const looks = setInterval(() => this.#lookForSilence(), LOOK_INTERVAL_MS).unref();
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#take(chunk));
    response.on('error', (cause) => {
      this.#cause = cause;
    });
    response.on('close', () => {
      clearInterval(looks);
      this.#closed.abort(this.#cause);
      listener.onClosed(this, this.#cause);
    });
  }

  /** Aborts when it has ended, with what ended it. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  destroy(cause: Error): void {
    this.#response.destroy(cause);
  }

  #take(chunk: string): void {
    this.#quietLooks = 0;
    const text = this.#rest + chunk;
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      if (!this.#takeLine(text.slice(from, end))) return;
      from = end + 1;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length > EVENT_LIMIT_CHARS) this.#refuse();
  }

  /** @returns whether it was one of ours */
  #takeLine(text: string): boolean {
    const line = text === 'ping' ? undefined : parseFeedLine(text);
    if (text !== 'ping' && line === undefined) this.#refuse();
    else this.#listener.onLine(line);
    return !this.#response.destroyed;
  }

  #refuse(): void {
    this.destroy(badResponse(this.#peer, `The ${this.#peer.role} sent an event that is not ours`));
  }

  #lookForSilence(): void {
    this.#quietLooks += 1;
    if (this.#quietLooks * LOOK_INTERVAL_MS <= FEED_SILENCE_DEADLINE_MS) return;
    this.destroy(new DeadlineError('SILENCE_DEADLINE', FEED_SILENCE_DEADLINE_MS));
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
