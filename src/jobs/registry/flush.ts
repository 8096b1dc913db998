import { isTerminal } from '../../contract/index.ts';
import type { Cursor, LoggedEvent } from '../log/event-log.ts';
import { encodeSse, type Encoder } from '../server/sse.ts';

const LARGE_FLUSH_CHARS = 512 * 1024;

/** Events of one job that were written to its log together. Encoded once for all readers of the protocol. */
export class Flush {
  readonly events: readonly LoggedEvent[];
  /** The place in the log after them. */
  readonly cursor: Cursor;
  #sse: string | undefined;

  constructor(events: readonly LoggedEvent[], cursor: Cursor) {
    this.events = events;
    this.cursor = cursor;
  }

  /** Whether to write it has taken a tick of its own: its readers get theirs. */
  get isLarge(): boolean {
    return this.events.some(({ json }) => json.length > LARGE_FLUSH_CHARS);
  }

  encoded(encoder: Encoder): string {
    return encoder === encodeSse ? (this.#sse ??= encodeSse(this.events)) : encoder(this.events);
  }
}

/** Whether the last of these events is the job's terminal event. */
export function hasEnd(events: readonly LoggedEvent[]): boolean {
  const last = events.at(-1);
  return last !== undefined && isTerminal(last.kind);
}
