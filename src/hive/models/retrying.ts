import { setTimeout as wait } from 'node:timers/promises';
import { narrate } from '../../narration/index.ts';
import type { Patience } from './limits.ts';
import { Interruption } from './source.ts';

/** Counts the failures in a row of something that is tried again. */
export class Tries {
  readonly #patience: Patience;
  readonly #signal: AbortSignal;
  #failures = 0;

  constructor(patience: Patience, signal: AbortSignal) {
    this.#patience = patience;
    this.#signal = signal;
  }

  /**
   * Waits before the next try.
   * @param hasAdvanced whether the failed try has achieved something; then it is the first failure again
   * @throws what failed, where another try is of no use or there were enough
   */
  async afterFailure(cause: unknown, hasAdvanced: boolean): Promise<void> {
    if (!(cause instanceof Interruption) || this.#signal.aborted) throw cause;
    const { attempts, backoffMs } = this.#patience;
    this.#failures = hasAdvanced && !cause.isFruitless ? 0 : this.#failures + 1;
    if (this.#failures >= attempts) throw cause;
    const waitMs = Math.max(Math.min(backoffMs.first * 2 ** Math.max(0, this.#failures - 1), backoffMs.most), cause.waitMs);
    narrate('retry', `${cause.message}; trying again in ${waitMs / 1000} s`);
    await wait(waitMs, undefined, { signal: this.#signal });
  }
}

/** For a request that is small enough to be made again from its start. */
export async function retrying<T>(run: () => Promise<T>, patience: Patience, signal: AbortSignal): Promise<T> {
  const tries = new Tries(patience, signal);
  for (;;) {
    try {
      return await run();
    } catch (cause) {
      await tries.afterFailure(cause, false);
    }
  }
}
