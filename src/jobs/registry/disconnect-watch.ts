import { JobError } from '../../contract/index.ts';
import type { Job } from './job.ts';
import { DISCONNECT_GRACE_MS } from '../limits.ts';

/** Cancels the jobs of `on_disconnect: cancel` that have had no reader for DISCONNECT_GRACE_MS. */
export class DisconnectWatch {
  /** The watched jobs, each with the timer that runs while it has no reader. */
  readonly #timers = new Map<Job, NodeJS.Timeout | undefined>();

  add(job: Job): void {
    this.#timers.set(job, undefined);
    this.readersChanged(job);
  }

  /** Each time that a job is alone, it has the whole grace. */
  readersChanged(job: Job): void {
    if (!this.#timers.has(job)) return;
    clearTimeout(this.#timers.get(job));
    const end = () => job.abort.abort(new JobError('cancelled', 'the client disconnected'));
    this.#timers.set(job, job.readers.size > 0 ? undefined : setTimeout(end, DISCONNECT_GRACE_MS).unref());
  }

  /** The job has ended. */
  forget(job: Job): void {
    clearTimeout(this.#timers.get(job));
    this.#timers.delete(job);
  }
}
