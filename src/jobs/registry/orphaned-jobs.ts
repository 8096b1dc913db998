import { setImmediate as turn } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import type { Job } from './job.ts';
import { ORPHAN_GRACE_MS } from '../limits.ts';

/**
 * Ends jobs of which nobody knows: whoever asked for one had gone before it could be told which one it is. A daemon that was frozen finds
 * such requests when it goes on. Asked for in a moment, by another try of the same request or by its id, a job is kept.
 */
export class OrphanedJobs {
  readonly #timers = new Map<Job, NodeJS.Timeout>();
  readonly #known = new WeakSet<Job>();

  /** Whoever knows of it already needs no more asking. @param end called when nobody has asked for it */
  add(job: Job, end: () => void): void {
    if (this.#known.has(job)) return;
    clearTimeout(this.#timers.get(job));
    this.#timers.set(
      job,
      setTimeout(() => {
        this.#timers.delete(job);
        end();
      }, ORPHAN_GRACE_MS).unref(),
    );
  }

  /** Somebody knows of it, or it has ended. */
  keep(job: Job): void {
    this.#known.add(job);
    clearTimeout(this.#timers.get(job));
    this.#timers.delete(job);
  }
}

/** Whether whoever sent it still waits for the answer. Both may have come at once, the request and its end, and are read one after the other. */
export async function isAwaited({ socket }: IncomingMessage): Promise<boolean> {
  await turn();
  await turn();
  return !socket.destroyed && !socket.readableEnded;
}
