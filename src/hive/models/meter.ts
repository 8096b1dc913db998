import type { JobEvent } from '../../contract/index.ts';
import { PROGRESS_INTERVAL_MS } from './limits.ts';

/** How much of the last interval goes into the rate; the rest is what was measured before. */
const SMOOTHING = 0.3;

/** Turns every piece that arrives into a progress event a few times a second. */
export class Meter {
  readonly #action: string;
  /** Of several files together; null for one file, whose size may only be known later. */
  readonly #allBytes: number | null;
  readonly #sha256: string | undefined;
  /** In the files before this one. */
  #before = 0;
  #at = -Infinity;
  #done = 0;
  #rate: number | null = null;

  /** @param sha256 of the file, where it is known and the only one */
  constructor(action: string, allBytes: number | null = null, sha256?: string) {
    this.#action = action;
    this.#allBytes = allBytes;
    this.#sha256 = sha256;
  }

  /** Counts a file that is complete. */
  moveOn(fileBytes: number): void {
    this.#before += fileBytes;
  }

  /** @returns an event when one is due: at the first piece, then one an interval */
  tick(done: number, total: number | null): JobEvent | undefined {
    return performance.now() - this.#at < PROGRESS_INTERVAL_MS ? undefined : this.measure(done, total);
  }

  measure(doneOfFile: number, totalOfFile: number | null): JobEvent {
    const done = this.#before + doneOfFile;
    const total = this.#allBytes ?? totalOfFile;
    const now = performance.now();
    const elapsedS = (now - this.#at) / 1000;
    // The count goes down when a server starts from the first byte again; the rate stays as it was.
    if (Number.isFinite(elapsedS) && elapsedS > 0 && done >= this.#done) {
      const latest = (done - this.#done) / elapsedS;
      this.#rate = this.#rate === null ? latest : SMOOTHING * latest + (1 - SMOOTHING) * this.#rate;
    }
    this.#at = now;
    this.#done = done;
    const rate = this.#rate;
    const eta_s = rate === null || rate === 0 || total === null ? null : Math.ceil((total - done) / rate);
    const file = this.#sha256 === undefined ? {} : { sha256: this.#sha256 };
    return {
      kind: 'progress',
      data: { action: this.#action, done, total, unit: 'bytes', rate: rate && Math.round(rate), eta_s, ...file },
    };
  }
}
