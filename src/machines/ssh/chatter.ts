/** Bytes that a source may send within each window. A long-lived source is not stopped for the sum of years. */
export class ChatterLimit {
  readonly #limitBytes: number;
  readonly #windowMs: number;
  #bytes = 0;
  #windowBegan = -Infinity;

  constructor(limit: { bytes: number; perMs: number }) {
    this.#limitBytes = limit.bytes;
    this.#windowMs = limit.perMs;
  }

  /** @returns whether the source has sent more than it may */
  isExceededBy(bytes: number, nowMs = performance.now()): boolean {
    if (nowMs - this.#windowBegan >= this.#windowMs) {
      this.#windowBegan = nowMs;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#bytes > this.#limitBytes;
  }
}
