export interface ScannedText {
  /** Text that may be shown now. */
  text: string;
  /** The stop string that was found: `text` ends before it and nothing follows. */
  stop: string | undefined;
}

/**
 * Cuts a stream of text before the first stop string. It holds back what could still become the start of one,
 * so no reader ever sees half of it. How the text is split into pushes makes no difference to what comes out.
 */
export class StopScanner {
  #stops: readonly string[];
  #held = '';

  constructor(stops: readonly string[]) {
    // Generated text is well formed; a stop string with half a surrogate pair would split a character.
    this.#stops = stops.map((stop) => Buffer.from(stop).toString());
  }

  push(text: string): ScannedText {
    const seen = this.#held + text;
    const found = this.#firstStop(seen);
    if (found) {
      this.#held = '';
      return { text: seen.slice(0, found.start), stop: found.stop };
    }
    const held = beginningHeldBack(seen, this.#stops);
    this.#held = seen.slice(seen.length - held);
    return { text: seen.slice(0, seen.length - held), stop: undefined };
  }

  /** Text that was held back and is not part of a stop string: the end of the answer. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** The stop string that is complete first; of two that are complete together, the longer one. */
  #firstStop(seen: string): { stop: string; start: number } | undefined {
    let first: { stop: string; start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = seen.indexOf(stop);
      if (start === -1) continue;
      const end = start + stop.length;
      if (!first || end < first.end || (end === first.end && start < first.start)) first = { stop, start, end };
    }
    return first;
  }
}

/** Length of the longest end of a text that begins one of these texts and is not all of it. */
export function beginningHeldBack(seen: string, texts: readonly string[]): number {
  const longest = Math.max(0, ...texts.map((text) => text.length));
  for (let length = Math.min(longest - 1, seen.length); length > 0; length--) {
    const end = seen.slice(seen.length - length);
    if (texts.some((text) => text.startsWith(end))) return length;
  }
  return 0;
}
