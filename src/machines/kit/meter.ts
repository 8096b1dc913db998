import { reportProgress } from '../../narration/index.ts';

const INTERVAL_MS = 200;

/** Passes bytes on, and emits progress events into the job a few times a second. */
export async function* metered(
  bytes: AsyncIterable<Uint8Array>,
  { action, from = 0, total }: { action: string; /** Bytes already done. */ from?: number; total: number },
): AsyncGenerator<Uint8Array, void, void> {
  yield* new ByteMeter(action, from).passing(bytes, total - from);
}

/** Progress of one step with several concurrent sources, reported as one. */
export class ByteMeter {
  readonly #action: string;
  readonly #from: number;
  #beganMs: number | undefined;
  #done: number;
  #total: number;
  #reportedMs = 0;

  /** @param from bytes already done */
  constructor(action: string, from = 0) {
    this.#action = action;
    this.#from = from;
    this.#done = from;
    this.#total = from;
  }

  /** @param expected bytes; an estimate, since at the end exactly this many are counted */
  async *passing(bytes: AsyncIterable<Uint8Array>, expected: number): AsyncGenerator<Uint8Array, void, void> {
    let left = expected;
    this.#beganMs ??= performance.now();
    this.#total += expected;
    for await (const piece of bytes) {
      yield piece;
      const counted = Math.min(piece.length, left);
      left -= counted;
      this.#done += counted;
      if (performance.now() - this.#reportedMs >= INTERVAL_MS) this.#tell();
    }
    this.#done += left;
    this.#tell();
  }

  #tell(): void {
    this.#reportedMs = performance.now();
    const [done, total] = [this.#done, this.#total];
    const rate = (done - this.#from) / Math.max((this.#reportedMs - (this.#beganMs ?? this.#reportedMs)) / 1000, 0.001);
    reportProgress({
      action: this.#action,
      done,
      total,
      unit: 'bytes',
      rate: Math.round(rate),
      eta_s: rate === 0 ? null : Math.ceil((total - done) / rate),
    });
  }
}
