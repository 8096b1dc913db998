import type { IncomingMessage } from 'node:http';
import { refusalIn } from '../client/call.ts';
import { exchange } from '../client/exchange.ts';
import { FEED_SILENCE_DEADLINE_MS, PIECE_CHARS, PROMPT_ANSWER_DEADLINE_MS, USEFUL_CHARS } from '../limits.ts';
import { Pace, type Rate } from './pace.ts';
import type { Peer } from '../client/peer.ts';
import { asJobError, badResponse, ConnectionClosedError, DeadlineError, isNotHttp } from '../client/peer-errors.ts';

/** How often silence is checked. Silence is counted in checks, so that time in which this process itself was frozen does not count. */
const LOOK_INTERVAL_MS = 1_000;

export interface LineListener {
  /** A line that is longer ends the connection. */
  readonly lineLimitChars: number;
  /** Without a rate, as fast as the peer sends. */
  readonly rate?: Rate;
  /** @returns whether the line was legal; one that was not closes the connection */
  onLine(text: string): boolean;
  /** Called every second in which no data arrived. */
  onQuiet?(quietMs: number): void;
  /** Called once. The cause is a JobError for a malformed line. */
  onClosed(cause: unknown): void;
}

/**
 * An answer that lasts until the connection closes, read line by line. The connection is closed when it falls silent or sends a malformed
 * line. However fast the peer sends, other connections have a turn between two pieces.
 */
export class LineLink {
  readonly #response: IncomingMessage;
  readonly #peer: Peer;
  readonly #listener: LineListener;
  readonly #closed = new AbortController();
  #cause: unknown = new ConnectionClosedError();
  #quietLooks = 0;
  /** Pieces of the incomplete line, in order; joined once, when it is complete. */
  #pieces: string[] = [];
  #piecesChars = 0;
  /** Characters without a line's end, since the last check that counted them. */
  #usefulChars = 0;
  readonly #pace: Pace;

  constructor(peer: Peer, response: IncomingMessage, listener: LineListener) {
    this.#peer = peer;
    this.#response = response;
    this.#listener = listener;
    this.#pace = new Pace(listener.rate, performance.now());
    // The timer keeps no process alive; callers that wait for a line do.
    response.socket.unref();
    const looks = setInterval(() => this.#lookForSilence(), LOOK_INTERVAL_MS).unref();
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#take(chunk));
    response.on('error', (cause) => {
      this.#cause = isNotHttp(cause) ? asJobError(peer, cause) : cause;
    });
    response.on('close', () => {
      clearInterval(looks);
      this.#closed.abort(this.#cause);
      listener.onClosed(this.#cause);
    });
  }

  /** Aborts when the connection has closed, with the cause. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Since data last arrived, in whole seconds. */
  get quietMs(): number {
    return Math.max(0, this.#quietLooks - 1) * LOOK_INTERVAL_MS;
  }

  destroy(cause: Error): void {
    this.#response.destroy(cause);
  }

  #take(chunk: string): void {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
      const piece = chunk.slice(from, end);
      const isOurs = this.#fits(piece) && this.#line(this.#whole(piece));
      if (this.#response.destroyed) return;
      if (!isOurs) return this.#refuse();
      from = end + 1;
    }
    const rest = chunk.slice(from);
    if (!this.#fits(rest)) return this.#refuse();
    if (rest !== '') this.#hold(rest);
    this.#giveWay(chunk.length);
  }

  #fits(piece: string): boolean {
    return this.#piecesChars + piece.length <= this.#listener.lineLimitChars;
  }

  /** A piece takes memory besides its characters, however short it is. */
  #hold(piece: string): void {
    this.#pieces.push(piece);
    this.#piecesChars += piece.length + PIECE_CHARS;
  }

  #whole(last: string): string {
    if (this.#piecesChars === 0) return last;
    const line = this.#pieces.join('') + last;
    this.#pieces = [];
    this.#piecesChars = 0;
    return line;
  }

  /** An exception in the processing of a line closes this connection, and does not end the process. */
  #line(text: string): boolean {
    this.#quietLooks = 0;
    this.#usefulChars = 0;
    try {
      return this.#listener.onLine(text);
    } catch (cause) {
      this.destroy(cause instanceof Error ? cause : new Error(String(cause)));
      return false;
    }
  }

  #giveWay(chars: number): void {
    this.#usefulChars += chars;
    if (this.#usefulChars >= USEFUL_CHARS) this.#quietLooks = this.#usefulChars = 0;
    const waitMs = this.#pace.afterPiece(chars, performance.now());
    if (waitMs === undefined) return;
    this.#response.pause();
    const goOn = () => this.#response.resume();
    if (waitMs === 0) setImmediate(goOn);
    else setTimeout(goOn, waitMs).unref();
  }

  #refuse(): void {
    this.destroy(badResponse(this.#peer, `The ${this.#peer.role} sent a malformed response`));
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
    if (response.statusCode !== 200) throw await refusalIn(peer, response);
    return new LineLink(peer, response, listener);
  } catch (cause) {
    throw asJobError(peer, cause);
  }
}
