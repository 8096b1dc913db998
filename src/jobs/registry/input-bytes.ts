import { JobError } from '../../contract/index.ts';
import { SMALL_INPUT_BYTES } from '../limits.ts';
import { inputsLimitBytes } from './capacity.ts';
import type { StoredJob } from './stored-job.ts';

type Sized = Pick<StoredJob, 'input_bytes'>;

/** What the requests of all jobs that have not ended have together: those that wait, and those that run. */
export class InputBytes {
  readonly #limit: number;
  #held = 0;

  constructor(limit = inputsLimitBytes()) {
    this.#limit = limit;
  }

  /** One more of megabytes is refused before it is kept anywhere. @throws JobError too_many_jobs; body_too_large for one that never fits */
  requireRoomFor(bytes: number): void {
    if (bytes <= SMALL_INPUT_BYTES || this.#held + bytes <= this.#limit) return;
    if (bytes > this.#limit) {
      const sentence = `The body has ${bytes} bytes; with the memory of this machine, all requests together may have ${this.#limit}`;
      throw new JobError('body_too_large', sentence);
    }
    const [held, most] = [this.#held, this.#limit].map((each) => Math.round(each / 1e6));
    const sentence = `The requests that have not ended have ${held} MB together, and may have ${most} MB. Try again when some have ended`;
    throw new JobError('too_many_jobs', sentence);
  }

  add({ input_bytes = 0 }: Sized): void {
    this.#held += input_bytes;
  }

  remove({ input_bytes = 0 }: Sized): void {
    this.#held -= input_bytes;
  }
}
