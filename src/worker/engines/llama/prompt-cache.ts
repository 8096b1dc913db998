import type { Token } from 'node-llama-cpp';

/** About as many bytes. A conversation of an agent has a few hundred thousand. */
const MOST_CHARACTERS = 16_000_000;
const COMPARED_AT_ONCE = 4_096;
/** Cuts are as far apart, or farther. */
const CUT_DISTANCE = 128;

/** A place in a text before a token that is cut out of it before all else: the tokens before it do not depend on what follows. */
interface Cut {
  at: number;
  tokens: number;
}

interface Entry {
  text: string;
  tokens: readonly Token[];
  cuts: readonly Cut[];
}

/** Recent prompts and their tokens: a conversation grows at its end, and only its end is tokenized again. */
export class PromptCache {
  /** The latest last. */
  #entries: Entry[] = [];
  #characters = 0;
  /** A token's name may begin before the place where two texts differ, and end behind it. */
  #longestName: number;

  constructor(longestName: number) {
    this.#longestName = longestName;
  }

  /** The tokens of the beginning of a text, up to `at`. */
  find(text: string): { at: number; tokens: readonly Token[] } {
    let best: { at: number; tokens: readonly Token[] } = { at: 0, tokens: [] };
    for (const entry of this.#entries) {
      const same = commonLength(entry.text, text) - this.#longestName;
      const cut = entry.cuts.findLast(({ at }) => at <= same);
      if (cut && cut.at > best.at) best = { at: cut.at, tokens: entry.tokens.slice(0, cut.tokens) };
    }
    return best;
  }

  add(entry: Entry): void {
    if (entry.text.length > MOST_CHARACTERS / 4 || entry.cuts.length === 0) return;
    // Of a conversation that grew, only the latest prompt is of use.
    const last = entry.cuts.at(-1)?.at ?? 0;
    const isFurther = (other: Entry) =>
      other.text.length <= entry.text.length &&
      entry.text.startsWith(other.text.slice(0, other.cuts.at(-1)?.at)) &&
      (other.cuts.at(-1)?.at ?? 0) <= last;
    this.#entries = [...this.#entries.filter((other) => !isFurther(other)), entry];
    this.#characters = this.#entries.reduce((sum, { text }) => sum + text.length, 0);
    while (this.#characters > MOST_CHARACTERS) this.#characters -= this.#entries.shift()?.text.length ?? 0;
  }
}

export class Cuts {
  readonly made: Cut[] = [];

  add(at: number, tokens: number): void {
    if (at - (this.made.at(-1)?.at ?? 0) >= CUT_DISTANCE) this.made.push({ at, tokens });
  }
}

function commonLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.slice(at, at + COMPARED_AT_ONCE) === b.slice(at, at + COMPARED_AT_ONCE)) at += COMPARED_AT_ONCE;
  for (at = Math.min(at, most); at < most && a.charCodeAt(at) === b.charCodeAt(at);) at++;
  return at;
}
