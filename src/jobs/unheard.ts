import { setImmediate as turn } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import type { Job } from './job.ts';
import { UNHEARD_GRACE_MS } from './limits.ts';

/**
 * Ends jobs of which nobody knows: whoever asked for one had gone before it could be told which one it is. A daemon that was frozen finds
 * such requests when it goes on. Asked for in a moment, by another try of the same request or by its id, a job is kept.
 */
export class UnheardJobs {
  readonly #timers = new Map<Job, NodeJS.Timeout>();

  /** @param end called when nobody has asked for it */
  add(job: Job, end: () => void): void {
    this.keep(job);
    this.#timers.set(
      job,
      setTimeout(() => {
        this.#timers.delete(job);
        end();
      }, UNHEARD_GRACE_MS).unref(),
    );
  }

  /** Somebody has asked for it, or it has ended. */
  keep(job: Job): void {
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
