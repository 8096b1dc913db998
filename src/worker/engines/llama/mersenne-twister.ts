const SIZE = 624;
const SHIFT = 397;

/** The generator mt19937 of C++, with which llama.cpp draws tokens: the same seed draws the same numbers. */
export class MersenneTwister {
  #state = new Uint32Array(SIZE);
  #at = SIZE;

  constructor(seed: number) {
    this.#state[0] = seed;
    for (let index = 1; index < SIZE; index++) {
      const before = this.#word(index - 1);
      this.#state[index] = Math.imul(1_812_433_253, before ^ (before >>> 30)) + index;
    }
  }

  /** 0 to 1, without 1: `std::uniform_real_distribution<double>` makes it of two words. */
  uniform(): number {
    const low = this.next();
    return Math.min((low + this.next() * 2 ** 32) / 2 ** 64, 1 - Number.EPSILON / 2);
  }

  /** 32 random bits. */
  next(): number {
    if (this.#at === SIZE) this.#refill();
    let word = this.#word(this.#at++);
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #refill(): void {
    for (let index = 0; index < SIZE; index++) {
      const mixed = (this.#word(index) & 0x8000_0000) | (this.#word((index + 1) % SIZE) & 0x7fff_ffff);
      this.#state[index] = this.#word((index + SHIFT) % SIZE) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908_b0df : 0);
    }
    this.#at = 0;
  }

  #word(index: number): number {
    return this.#state[index] ?? 0;
  }
}
