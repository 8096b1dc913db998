import { setImmediate as turn } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import type { Job } from './job.ts';
import { ORPHAN_GRACE_MS } from '../limits.ts';

/**
 * Cancels orphaned jobs, whose client disconnected before it got the job's id. A daemon that was frozen finds such requests when it
 * continues. A retry of the POST, or a read by id, within the grace period keeps the job.
 */
export class OrphanedJobs {
  readonly #timers = new Map<Job, NodeJS.Timeout>();
  readonly #known = new WeakSet<Job>();

  /** Ignored for a job whose id some client has. @param end called after the grace period */
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

  /** A client has its id, or the job has ended. */
  keep(job: Job): void {
    this.#known.add(job);
    clearTimeout(this.#timers.get(job));
    this.#timers.delete(job);
  }
}

/** Whether the client still waits for the answer. The request and the end of its connection may arrive together; they are read one after the other. */
export async function isAwaited({ socket }: IncomingMessage): Promise<boolean> {
  await turn();
  await turn();
  return !socket.destroyed && !socket.readableEnded;
}
