import { setTimeout as wait } from 'node:timers/promises';
import { narrate } from '../../../narration/index.ts';

/** One for all downloads of a hive: a server that limits requests counts them by machine, so that one download would use up another's. */
export class RequestGate {
  readonly #closedUntil = new Map<string, number>();

  close(origin: string, waitMs: number): void {
    const until = performance.now() + waitMs;
    this.#closedUntil.set(origin, Math.max(until, this.#closedUntil.get(origin) ?? 0));
  }

  /** Waits until requests may be sent there again. */
  async pass(origin: string, signal: AbortSignal): Promise<void> {
    for (let isNarrated = false; ; isNarrated = true) {
      const leftMs = (this.#closedUntil.get(origin) ?? 0) - performance.now();
      if (leftMs <= 0) break;
      const words = `${new URL(origin).host} limits requests: continuing in ${Math.ceil(leftMs / 1000)} s`;
      if (!isNarrated) narrate('limit', words);
      await wait(leftMs, undefined, { signal });
    }
    this.#closedUntil.delete(origin);
  }
}
