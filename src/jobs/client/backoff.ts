/** Waits between tries that fail: each twice as long as the one before, up to a limit, and none for two callers the same. */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  #ms: number;

  constructor(limitsMs: { first: number; most: number }) {
    this.#first = limitsMs.first;
    this.#most = limitsMs.most;
    this.#ms = limitsMs.first;
  }

  /** The wait before the next try, between half of it and all of it. */
  nextMs(): number {
    const ms = this.#ms * (0.5 + Math.random() / 2);
    this.#ms = Math.min(this.#ms * 2, this.#most);
    return ms;
  }

  /** A try has succeeded. */
  reset(): void {
    this.#ms = this.#first;
  }
}
