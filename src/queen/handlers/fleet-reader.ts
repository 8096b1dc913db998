import { setImmediate as turn } from 'node:timers/promises';
import { raceAbort, type LineReader } from '../../jobs/index.ts';

/** A reader that takes nothing for this long is disconnected. */
export const STALLED_MS = 30_000;
/** So much is written before other work has its turn. */
const PIECE_CHARS = 64 * 1024;

/** The thing that follows the first state of all hives. */
export const COMPLETE = 'complete';

/** The line of one thing as it is now; undefined when there is nothing to report of it. */
export type LineNow = () => string | undefined;

/**
 * One reader of the fleet's state. For a slow reader no lines are kept, only which things have changed: it gets the newest line of each when it
 * has read what was written before.
 */
export class FleetReader {
  readonly #reader: LineReader;
  /** By thing, in the order in which they are written. */
  readonly #due = new Map<string, LineNow>();
  #isWriting = false;

  constructor(reader: LineReader) {
    this.#reader = reader;
  }

  /** It has changed. @param after a thing whose line comes before this one, if that has changed too */
  changed(thing: string, line: LineNow, after?: string): void {
    if (after !== undefined && this.#due.has(after)) this.#due.delete(thing);
    if (!this.#due.has(thing)) this.#due.set(thing, line);
    this.#write();
  }

  /** The same, after everything else that has changed before. */
  changedLast(thing: string, line: LineNow): void {
    this.#due.delete(thing);
    this.changed(thing, line);
    const complete = this.#due.get(COMPLETE);
    if (complete === undefined || thing === COMPLETE) return;
    this.#due.delete(COMPLETE);
    this.#due.set(COMPLETE, complete);
  }

  #write(): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    // Mostly the end of its connection. After any other failure it must not take the last lines for the present state.
    this.#writeAll().catch(() => {
      this.#due.clear();
      this.#reader.close();
    });
  }

  /** @throws when the connection has ended, or a line cannot be made */
  async #writeAll(): Promise<void> {
    // All changes of this tick first.
    await raceAbort(turn(), this.#reader.closed);
    let chars = 0;
    for (const [thing, lineNow] of this.#due) {
      this.#due.delete(thing);
      const line = lineNow();
      if (line === undefined) continue;
      chars += line.length;
      if (!this.#reader.write(line)) await this.#drained();
      if (chars < PIECE_CHARS) continue;
      chars = 0;
      await raceAbort(turn(), this.#reader.closed);
    }
    this.#isWriting = false;
  }

  async #drained(): Promise<void> {
    const late = setTimeout(() => this.#reader.close(), STALLED_MS).unref();
    try {
      await raceAbort(new Promise<void>((resolve) => this.#reader.drained(resolve)), this.#reader.closed);
    } finally {
      clearTimeout(late);
    }
  }
}
