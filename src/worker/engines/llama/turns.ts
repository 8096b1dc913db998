import { setImmediate } from 'node:timers/promises';

/** Shares the one thread among callers that work in slices: one slice in each turn of the event loop, in order. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when the caller may compute its next slice. */
  take(): Promise<unknown> {
    this.#last = this.#last.then(() => setImmediate());
    return this.#last;
  }
}
