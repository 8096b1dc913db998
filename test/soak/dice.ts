/** Random numbers that repeat for the same seed, so that a soak that found something can be run again. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1. Mulberry32: 32 bits of state, more than enough to choose loads with. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  falls(chance: number): boolean {
    return this.next() < chance;
  }

  pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.next() * all.length)] as T;
  }

  shuffled<T>(all: readonly T[]): T[] {
    const rest = [...all];
    for (let last = rest.length - 1; last > 0; last -= 1) {
      const other = Math.floor(this.next() * (last + 1));
      [rest[last], rest[other]] = [rest[other] as T, rest[last] as T];
    }
    return rest;
  }

  /** An independent generator, for a concurrent task with its own timing. */
  another(): Dice {
    return new Dice(Math.floor(this.next() * 2 ** 32));
  }
}
