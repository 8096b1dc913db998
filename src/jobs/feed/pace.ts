import { PIECE_CHARS, TURN_CHARS } from '../limits.ts';

export interface Rate {
  charsPerS: number;
  burstChars: number;
}

/**
 * How fast a peer is read. After so many characters the other peers have a turn, however fast this one sends; with a rate, what
 * it sends faster than that waits in the network. The pace only decides: the reader does the waiting.
 */
export class Pace {
  readonly #rate: Rate | undefined;
  #turnChars = 0;
  /** Characters that may be read without a wait, at the time `#at`. */
  #left: number;
  #at: number;

  constructor(rate: Rate | undefined, nowMs: number) {
    this.#rate = rate;
    this.#left = rate?.burstChars ?? Infinity;
    this.#at = nowMs;
  }

  /**
   * To be called for each piece. A piece has a cost besides its characters, however short it is.
   * @returns how long to wait before the next one: 0 for one turn of the event loop, undefined for no wait
   */
  afterPiece(chars: number, nowMs: number): number | undefined {
    const cost = chars + PIECE_CHARS;
    const overMs = this.#pay(cost, nowMs);
    this.#turnChars += cost;
    if (overMs === 0 && this.#turnChars < TURN_CHARS) return undefined;
    this.#turnChars = 0;
    return overMs;
  }

  #pay(cost: number, nowMs: number): number {
    if (this.#rate === undefined) return 0;
    const { charsPerS, burstChars } = this.#rate;
    const earned = ((nowMs - this.#at) / 1_000) * charsPerS;
    this.#left = Math.min(burstChars, this.#left + earned) - cost;
    this.#at = nowMs;
    return this.#left >= 0 ? 0 : (-this.#left / charsPerS) * 1_000;
  }
}
