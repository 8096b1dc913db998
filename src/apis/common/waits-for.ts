import type { JobEvent } from '../../contract/index.ts';

const LIMIT_CHARS = 200;

/** The step that a job is at, for a client that waits: the last narration, and how far it is. */
export class WaitsFor {
  #step = 'waiting';
  #share = '';

  note(event: JobEvent): void {
    if (event.kind === 'narration') {
      this.#step = event.data.human;
      this.#share = '';
    } else if (event.kind === 'progress') {
      const { done, total } = event.data;
      this.#share = total === null || total <= 0 ? '' : ` (${Math.floor((100 * done) / total)} %)`;
    }
  }

  /** On one line. */
  get text(): string {
    return this.#step.replaceAll(/[\s\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, LIMIT_CHARS) + this.#share;
  }
}
