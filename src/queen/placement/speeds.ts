/** Weight of the latest answer: about ten of them count. */
const NEWEST_SHARE = 0.2;
/** Workers remembered; beyond that, those that answered last. */
const WORKERS_LIMIT = 10_000;

/** Tokens per second that a request gets on each worker, learned from its answers: a moving average. */
export class Speeds {
  readonly #learned = new Map<string, number>();
  /** The same values in order, for their median. */
  readonly #sorted: number[] = [];

  learn(key: string, tokensPerSecond: number): void {
    if (!Number.isFinite(tokensPerSecond) || tokensPerSecond <= 0) return;
    const before = this.#learned.get(key);
    this.forget(key);
    const speed = before === undefined ? tokensPerSecond : before + NEWEST_SHARE * (tokensPerSecond - before);
    this.#learned.set(key, speed);
    this.#sorted.splice(this.#rankOf(speed), 0, speed);
    const oldest = this.#learned.keys().next();
    if (this.#learned.size > WORKERS_LIMIT && !oldest.done) this.forget(oldest.value);
  }

  forget(key: string): void {
    const speed = this.#learned.get(key);
    if (speed === undefined) return;
    this.#learned.delete(key);
    this.#sorted.splice(this.#rankOf(speed), 1);
  }

  /** For a worker without answers, the median of the fleet. */
  of(key: string): number {
    return this.learned(key) ?? this.#sorted[this.#sorted.length >> 1] ?? 1;
  }

  learned(key: string): number | undefined {
    return this.#learned.get(key);
  }

  /** The first index whose value is not smaller. */
  #rankOf(speed: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) < speed) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
