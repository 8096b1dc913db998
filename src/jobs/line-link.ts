import type { IncomingMessage } from 'node:http';
import { asJobError, parseJson, refusal } from './call.ts';
import { exchange, textOf } from './exchange.ts';
import { EVENT_LIMIT_CHARS, FEED_SILENCE_DEADLINE_MS, PROMPT_ANSWER_DEADLINE_MS } from './limits.ts';
import { badResponse, ConnectionClosedError, DeadlineError, type Peer } from './peer.ts';

/** How often silence is looked for. Counted in looks, so that the time in which this process itself was frozen does not count. */
const LOOK_INTERVAL_MS = 1_000;

export interface LineListener {
  /** @returns whether the line was one of ours; one that was not ends the connection */
  onLine(text: string): boolean;
  /** Told every second in which nothing came. */
  onQuiet?(quietMs: number): void;
  /** Called once. The cause is a JobError when what came was not ours. */
  onClosed(cause: unknown): void;
}

/** An answer that goes on until the connection closes, read line by line. One that falls silent is closed. */
export class LineLink {
  readonly #response: IncomingMessage;
  readonly #peer: Peer;
  readonly #listener: LineListener;
  readonly #closed = new AbortController();
  #cause: unknown = new ConnectionClosedError();
  #quietLooks = 0;
  #rest = '';

  constructor(peer: Peer, response: IncomingMessage, listener: LineListener) {
    this.#peer = peer;
    this.#response = response;
    this.#listener = listener;
    // It keeps no process alive: who waits for what it brings does.
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
      listener.onClosed(this.#cause);
    });
  }

  /** Aborts when it has ended, with what ended it. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Since something last came, in whole seconds. */
  get quietMs(): number {
    return Math.max(0, this.#quietLooks - 1) * LOOK_INTERVAL_MS;
  }

  destroy(cause: Error): void {
    this.#response.destroy(cause);
  }

  #take(chunk: string): void {
    this.#quietLooks = 0;
    const text = this.#rest + chunk;
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      if (!this.#listener.onLine(text.slice(from, end))) this.#refuse();
      if (this.#response.destroyed) return;
      from = end + 1;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length > EVENT_LIMIT_CHARS) this.#refuse();
  }

  #refuse(): void {
    this.destroy(badResponse(this.#peer, `The ${this.#peer.role} sent something that is not ours`));
  }

  #lookForSilence(): void {
    const quietMs = this.#quietLooks * LOOK_INTERVAL_MS;
    this.#quietLooks += 1;
    if (quietMs > 0) this.#listener.onQuiet?.(quietMs);
    if (quietMs < FEED_SILENCE_DEADLINE_MS) return;
    this.destroy(new DeadlineError('SILENCE_DEADLINE', FEED_SILENCE_DEADLINE_MS));
  }
}

/**
 * Opens an answer of lines (see serveLines), pings among them.
 * @throws JobError <role>_unreachable, or what the peer answered
 */
export async function openLines(peer: Peer, path: string, listener: LineListener): Promise<LineLink> {
  try {
    const response = await exchange(peer, { method: 'GET', path, answerWithinMs: PROMPT_ANSWER_DEADLINE_MS });
    if (response.statusCode !== 200) throw refusal(peer, response.statusCode ?? 0, parseJson(await textOf(response)));
    return new LineLink(peer, response, listener);
  } catch (cause) {
    throw asJobError(peer, cause);
  }
}
