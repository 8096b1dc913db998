import { isTerminal } from '../../contract/index.ts';
import { START, type Cursor, type LogChunk, type LoggedEvent } from '../log/event-log.ts';
import type { Job } from './job.ts';
import { PING, encodeSse, type Encoder } from '../server/sse.ts';

/** Where a reader writes. `write` answers false when it has taken enough; `drained` then calls back once. */
export interface Sink {
  write(text: string): boolean;
  drained(callback: () => void): void;
  /** The last text. @param isWhole whether it ends with the job's terminal event */
  end(text: string, isWhole: boolean): void;
}

/** More than a tick brings at any speed of tokens. */
const LARGE_FLUSH_EVENTS = 512;
/** To write so much into the log has taken a tick of its own. */
const LARGE_FLUSH_CHARS = 512 * 1024;

/** Events that became durable together, encoded once for all readers. */
export class Flush {
  readonly events: readonly LoggedEvent[];
  readonly cursor: Cursor;
  #sse: string | undefined;

  constructor(events: readonly LoggedEvent[], cursor: Cursor) {
    this.events = events;
    this.cursor = cursor;
  }

  get isLarge(): boolean {
    return this.events.some(({ json }) => json.length > LARGE_FLUSH_CHARS);
  }

  encoded(encoder: Encoder): string {
    return encoder === encodeSse ? (this.#sse ??= encodeSse(this.events)) : encoder(this.events);
  }
}

/**
 * One reader of one job: replays from the log, then follows.
 *
 *   state      | a flush arrives        | the sink drains
 *   behind     | ignored, it is in the log | reads on from the log
 *   tailing    | written as it comes    | –
 *   closed     | ignored                | ignored
 *
 * A reader that is slow falls behind and reads from the log: nothing is ever buffered for it.
 */
export class Reader {
  readonly #job: Job;
  readonly #sink: Sink;
  readonly #encoder: Encoder;
  readonly #skipTo: number;
  #cursor: Cursor = START;
  #state: 'behind' | 'tailing' | 'closed' = 'behind';

  /** @param after seq of the last event that the reader has */
  constructor(job: Job, sink: Sink, options: { after: number; encoder: Encoder }) {
    this.#job = job;
    this.#sink = sink;
    this.#encoder = options.encoder;
    this.#skipTo = options.after;
  }

  start(): void {
    this.#orBreakOff(() => {
      // It has the end already, and is told so.
      if (this.#job.isDelivered && this.#skipTo === this.#job.lastSeq) return this.#finish('');
      this.#cursor = this.#job.seek(this.#skipTo);
      this.#readOn();
    });
  }

  deliver(flush: Flush): void {
    if (this.#state !== 'tailing') return;
    // Too much for one write: read from the log, a chunk at a time, it stops where the sink has taken enough.
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

  /** Atomic with the flushes: all of it is synchronous, so an event is either in the log by now or will be delivered. */
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
      // The way to the first wanted event may be long, and others wait.
      if (wanted.length === 0 && !hasEnd(events)) return void setImmediate(() => this.#continue());
      if (!this.#write(this.#encoder(wanted), hasEnd(events))) return;
    }
  }

  /** Undefined where it cannot be read now, for too many open files for example: that is the end of this reader, and of nothing else. */
  #readChunk(): LogChunk | undefined {
    try {
      return this.#job.read(this.#cursor);
    } catch {
      return undefined;
    }
  }

  /** A reader that has more than is left of a damaged log is told its end all the same, as the next event that it has not. */
  #wantedOf(events: readonly LoggedEvent[]): LoggedEvent[] {
    const wanted = events.filter(({ seq }) => seq > this.#skipTo);
    const last = events.at(-1);
    return wanted.length === 0 && last !== undefined && isTerminal(last.kind) ? [{ ...last, seq: this.#skipTo + 1 }] : wanted;
  }

  /** The job has ended and its log says no more: it has expired. Without [DONE], so that the client asks again and is told. */
  breakOff(): void {
    this.#state = 'closed';
    this.#sink.end('', false);
  }

  /** @returns whether the reader may go on at once */
  #write(text: string, isEnd: boolean): boolean {
    if (isEnd) {
      this.#finish(text);
      return false;
    }
    const room = text === '' || this.#sink.write(text);
    if (room) return true;
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

  /** For what a connection calls, where nobody catches: what keeps this reader from its log ends it, and no daemon. */
  #orBreakOff(read: () => void): void {
    if (this.#state === 'closed') return;
    try {
      read();
    } catch {
      this.breakOff();
    }
  }
}

function hasEnd(events: readonly LoggedEvent[]): boolean {
  const last = events.at(-1);
  return last !== undefined && isTerminal(last.kind);
}
