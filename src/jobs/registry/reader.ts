import { isTerminal } from '../../contract/index.ts';
import { START, type Cursor, type LogChunk, type LoggedEvent } from '../log/event-log.ts';
import { PING, type Encoder } from '../server/sse.ts';
import { hasEnd, type Flush } from './flush.ts';

/** Where a reader writes. `write` returns false when the other side is slow; `drained` then calls back once. */
export interface Sink {
  write(text: string): boolean;
  drained(callback: () => void): void;
  /** The last text. @param isWhole whether it ends with the job's terminal event */
  end(text: string, isWhole: boolean): void;
}

/** The events of one job. */
export interface Readable {
  readonly lastSeq: number;
  /** Whether the end is in the log, and no event will follow. */
  readonly isDelivered: boolean;
  /** A place from which reading on brings every event after `after`. */
  seek(after: number): Cursor;
  read(from: Cursor): LogChunk;
}

/** More than a tick brings at any speed of tokens. */
const LARGE_FLUSH_EVENTS = 512;

/**
 * One reader of one job: replays from the log, then follows.
 *
 *   state      | a flush arrives           | the sink drains
 *   behind     | ignored, it is in the log | reads on from the log
 *   tailing    | written as it comes       | –
 *   closed     | ignored                   | ignored
 *
 * J5: a slow reader falls behind and reads from the log again; nothing is buffered for it.
 */
export class Reader {
  readonly #job: Readable;
  readonly #sink: Sink;
  readonly #encoder: Encoder;
  readonly #skipTo: number;
  #cursor: Cursor = START;
  #state: 'behind' | 'tailing' | 'closed' = 'behind';

  /** @param after seq of the last event that the reader has */
  constructor(job: Readable, sink: Sink, options: { after: number; encoder: Encoder }) {
    this.#job = job;
    this.#sink = sink;
    this.#encoder = options.encoder;
    this.#skipTo = options.after;
  }

  start(): void {
    this.#orBreakOff(() => {
      // It has the end already.
      if (this.#job.isDelivered && this.#skipTo === this.#job.lastSeq) return this.#finish('');
      this.#cursor = this.#job.seek(this.#skipTo);
      this.#readOn();
    });
  }

  deliver(flush: Flush): void {
    if (this.#state !== 'tailing') return;
    // Too much for one write: read from the log in chunks, it stops where the sink is full.
    if (flush.events.length > LARGE_FLUSH_EVENTS) return this.#readOn();
    if (flush.isLarge) {
      this.#state = 'behind';
      return void setImmediate(() => this.#continue());
    }
    this.#cursor = flush.cursor;
    this.#write(flush.encoded(this.#encoder), hasEnd(flush.events));
  }

  ping(): void {
    if (this.#state === 'tailing') this.#sink.write(PING);
  }

  close(): void {
    this.#state = 'closed';
  }

  /** Ends without [DONE], so that the client asks again and gets the reason: the log has expired, or cannot be read now. */
  breakOff(): void {
    this.#state = 'closed';
    this.#sink.end('', false);
  }

  /** Synchronous, like the flushes (J1): an event is either in the log by now or will be delivered. */
  #readOn(): void {
    this.#state = 'behind';
    for (;;) {
      const chunk = this.#readChunk();
      if (chunk === undefined) return this.breakOff();
      const { events, cursor } = chunk;
      if (events.length === 0) {
        if (this.#job.isDelivered) return this.breakOff();
        this.#state = 'tailing';
        return;
      }
      this.#cursor = cursor;
      const wanted = this.#wantedOf(events);
      // The first wanted event may be far from here: other work gets its turn first.
      if (wanted.length === 0 && !hasEnd(events)) return void setImmediate(() => this.#continue());
      if (!this.#write(this.#encoder(wanted), hasEnd(events))) return;
    }
  }

  /** Undefined where the log cannot be read now, for example because too many files are open. That ends this reader alone. */
  #readChunk(): LogChunk | undefined {
    try {
      return this.#job.read(this.#cursor);
    } catch {
      return undefined;
    }
  }

  /** A reader that has more events than a damaged log has left still gets the end, under the next number. */
  #wantedOf(events: readonly LoggedEvent[]): LoggedEvent[] {
    const wanted = events.filter(({ seq }) => seq > this.#skipTo);
    const last = events.at(-1);
    return wanted.length === 0 && last !== undefined && isTerminal(last.kind) ? [{ ...last, seq: this.#skipTo + 1 }] : wanted;
  }

  /** @returns whether the reader may read on at once */
  #write(text: string, isEnd: boolean): boolean {
    if (isEnd) {
      this.#finish(text);
      return false;
    }
    if (text === '' || this.#sink.write(text)) return true;
    this.#state = 'behind';
    this.#sink.drained(() => this.#continue());
    return false;
  }

  #finish(text: string): void {
    this.#state = 'closed';
    this.#sink.end(text, true);
  }

  #continue(): void {
    this.#orBreakOff(() => this.#readOn());
  }

  /** For callbacks of a connection: a log that cannot be read closes this reader and does not end the daemon. */
  #orBreakOff(read: () => void): void {
    if (this.#state === 'closed') return;
    try {
      read();
    } catch {
      this.breakOff();
    }
  }
}
