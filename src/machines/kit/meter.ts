import { reportProgress } from '../../narration/index.ts';

const INTERVAL_MS = 200;

/** Passes bytes on and tells the job's readers, a few times a second, how far they have come. */
export async function* metered(
  bytes: AsyncIterable<Uint8Array>,
  { action, from = 0, total }: { action: string; /** Done before. */ from?: number; total: number },
): AsyncGenerator<Uint8Array, void, void> {
  yield* new ByteMeter(action, from).passing(bytes, total - from);
}

/** Of one step, in which several may pass bytes on at once: they are told together, as one. */
export class ByteMeter {
  readonly #action: string;
  readonly #from: number;
  #beganMs: number | undefined;
  #done: number;
  #total: number;
  #told = 0;

  /** @param from bytes that were done before */
  constructor(action: string, from = 0) {
    this.#action = action;
    this.#from = from;
    this.#done = from;
    this.#total = from;
  }

  /** @param expected bytes, perhaps a little off: more are not counted, and at the end none is missing */
  async *passing(bytes: AsyncIterable<Uint8Array>, expected: number): AsyncGenerator<Uint8Array, void, void> {
    let left = expected;
    this.#beganMs ??= performance.now();
    this.#total += expected;
    for await (const piece of bytes) {
      yield piece;
      const counted = Math.min(piece.length, left);
      left -= counted;
      this.#done += counted;
      if (performance.now() - this.#told >= INTERVAL_MS) this.#tell();
    }
    this.#done += left;
    this.#tell();
  }

  #tell(): void {
    this.#told = performance.now();
    const [done, total] = [this.#done, this.#total];
    const rate = (done - this.#from) / Math.max((this.#told - (this.#beganMs ?? this.#told)) / 1000, 0.001);
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
