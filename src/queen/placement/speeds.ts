/** Weight of the latest answer: some ten of them count. */
const NEWEST_SHARE = 0.2;
/** Workers remembered; of more, those heard of last. */
const WORKERS_LIMIT = 10_000;

/** Tokens a second that a request gets on each worker, learned from its answers: a moving average. */
export class Speeds {
  readonly #learned = new Map<string, number>();
  /** The same figures in order, for their median. */
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

  /** Of a worker that has not answered yet, nobody knows better than the fleet's median. */
  of(key: string): number {
    return this.learned(key) ?? this.#sorted[this.#sorted.length >> 1] ?? 1;
  }

  learned(key: string): number | undefined {
    return this.#learned.get(key);
  }

  /** The first place where a figure is not smaller. */
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
