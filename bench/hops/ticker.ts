import { nowNs, type Plan } from './plan.ts';

/** What a stream still has to say; undefined is its end. */
class TokenQueue {
  readonly #arrived: (string | undefined)[] = [];
  #wake: () => void = () => undefined;

  push(token: string | undefined): void {
    this.#arrived.push(token);
    this.#wake();
  }

  async next(): Promise<string | undefined> {
    if (this.#arrived.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#arrived.shift();
  }
}

const ARRIVAL_DEADLINE_MS = 15_000;

interface PacedStream {
  queue: TokenQueue;
  ratePerSecond: number;
  phase: number;
}

/**
 * Gives all streams of the process their tokens from one timer, as an engine does from its steps. A token's text is the
 * time at which it was made. Paced streams have one rate, so they come round in the order of their phases.
 */
export class Ticker {
  #paced: PacedStream[] = [];
  #unpaced: { queue: TokenQueue; left: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #startNs = 0;
  #made = 0;
  #arrived: () => void = () => undefined;

  async *stream(plan: Plan): AsyncGenerator<string, void, void> {
    const queue = new TokenQueue();
    if (plan.kind === 'paced') this.#paced.push({ ...plan, queue });
    else if (plan.kind === 'unpaced') this.#unpaced.push({ queue, left: plan.tokens });
    else queue.push(String(nowNs()));
    if (plan.kind === 'single') queue.push(undefined);
    this.#arrived();
    for (let token = await queue.next(); token !== undefined; token = await queue.next()) yield token;
  }

  /** Resolves when so many streams wait to begin: what a reader has opened may still be on its way down the hops. */
  async streamsArrived(streams: number): Promise<void> {
    const signal = AbortSignal.timeout(ARRIVAL_DEADLINE_MS);
    while (this.#paced.length + this.#unpaced.length < streams) {
      await new Promise<void>((resolve, reject) => {
        this.#arrived = resolve;
        signal.onabort = () => reject(new Error(`${this.#paced.length + this.#unpaced.length} of ${streams} streams arrived`));
      });
    }
  }

  go(): void {
    this.#paced.sort((one, other) => one.phase - other.phase);
    this.#startNs = nowNs();
    this.#made = 0;
    if (this.#paced.length > 0) this.#tick();
    if (this.#unpaced.length > 0) this.#round();
  }

  /** @returns how many tokens the paced streams got since `go` */
  stop(): number {
    clearTimeout(this.#timer);
    for (const { queue } of this.#paced) queue.push(undefined);
    this.#paced = [];
    return this.#made;
  }

  #tick(): void {
    for (;;) {
      const stream = this.#paced[this.#made % this.#paced.length];
      if (stream === undefined) return;
      const turn = Math.floor(this.#made / this.#paced.length);
      const waitNs = this.#startNs + ((turn + stream.phase) / stream.ratePerSecond) * 1e9 - nowNs();
      if (waitNs > 0) {
        this.#timer = setTimeout(() => this.#tick(), Math.ceil(waitNs / 1e6));
        return;
      }
      this.#made += 1;
      stream.queue.push(String(nowNs()));
    }
  }

  #round(): void {
    const token = String(nowNs());
    for (const stream of this.#unpaced) {
      stream.left -= 1;
      stream.queue.push(token);
      if (stream.left === 0) stream.queue.push(undefined);
    }
    this.#unpaced = this.#unpaced.filter(({ left }) => left > 0);
    if (this.#unpaced.length > 0) setImmediate(() => this.#round());
  }
}
