/** Elements and rules that llama.cpp makes of a grammar, twice a request: about 20 ms and 20 MB. */
const MOST_ELEMENTS = 300_000;
const MOST_RULES = 60_000;
/** llama.cpp detects left recursion by following every path from every rule to a first character, each from its start. */
const MOST_STEPS = 3_000_000;
/** It follows them recursively. */
const DEEPEST = 500;
/** As in llama.cpp: `MAX_REPETITION_THRESHOLD`. */
const MOST_REPETITIONS = 2000;

/** A reference to a rule, by its number; CHARACTER for literal characters. */
type Element = number;
const CHARACTER = -1;
type Alternatives = Element[][];

class GrammarFault extends Error {}

/**
 * Why llama.cpp would reject a grammar, or take too long to read it; undefined for one that it reads. It must not get the others: it
 * writes a rejected grammar to the log. Parses the subset of GBNF that rbee writes.
 */
export function faultOfGrammar(gbnf: string): string | undefined {
  try {
    if (gbnf.includes('\0')) throw new GrammarFault('has a name or value with a null character');
    countSteps(new GrammarReader(gbnf).rules);
    return undefined;
  } catch (error) {
    if (error instanceof GrammarFault) return error.message;
    throw error;
  }
}

/** Follows `parse_rule`, `parse_alternates` and `parse_sequence` of src/llama-grammar.cpp, which number rules as they meet them. */
class GrammarReader {
  readonly rules: Alternatives[] = [];
  #text: string;
  #at = 0;
  #symbols = new Map<string, number>();
  #elements = 0;

  constructor(gbnf: string) {
    this.#text = gbnf;
    while (this.#at < gbnf.length) this.#rule();
  }

  #rule(): void {
    const [, name] = this.#take(/([\w-]+)\s*::=\s*/y);
    const id = this.#symbol(String(name));
    this.rules[id] = this.#alternatives();
    this.#skip(/\s*/y);
  }

  #alternatives(): Alternatives {
    const all = [this.#sequence()];
    while (this.#skip(/\|[ ]*/y)) all.push(this.#sequence());
    return all;
  }

  #sequence(): Element[] {
    const sequence: Element[] = [];
    let start = 0;
    let rulesInside = 1;
    for (;;) {
      const repeated = this.#repetition();
      if (repeated) {
        this.#repeat(sequence, start, { ...repeated, rulesInside });
        rulesInside *= timesOf(repeated);
        continue;
      }
      start = sequence.length;
      const known = this.#symbols.size;
      if (!this.#literal(sequence) && !this.#characters(sequence) && !this.#reference(sequence) && !this.#group(sequence))
        return sequence;
      rulesInside = this.#text[this.#at - 1] === ')' ? Math.max(1, this.#symbols.size - known) : 1;
      this.#skip(/[ ]*/y);
    }
  }

  #literal(sequence: Element[]): boolean {
    const literal = this.#skip(/"((?:[^"\\]|\\.)*)"/suy);
    const length = literal?.[1]?.replaceAll(/\\./gsu, '.').length ?? 0;
    for (let character = 0; character < length; character++) this.#push(sequence, [CHARACTER]);
    return literal !== undefined;
  }

  #characters(sequence: Element[]): boolean {
    const set = this.#skip(/\[(?:[^\]\\]|\\.)*\]/suy);
    if (set) this.#push(sequence, [CHARACTER]);
    return set !== undefined;
  }

  #reference(sequence: Element[]): boolean {
    const name = this.#skip(/[\w-]+/y);
    if (name) this.#push(sequence, [this.#symbol(name[0])]);
    return name !== undefined;
  }

  #group(sequence: Element[]): boolean {
    if (!this.#skip(/\(\s*/y)) return false;
    const id = this.#newRule();
    this.rules[id] = this.#alternatives();
    this.#take(/\)/y);
    this.#push(sequence, [id]);
    return true;
  }

  #repetition(): { least: number; most: number } | undefined {
    const found = this.#skip(/(?:([*+?])|\{(\d+)(,)?(\d*)\})[ ]*/y);
    if (!found) return undefined;
    const [, sign, least, comma, most] = found;
    if (sign === '*') return { least: 0, most: Infinity };
    if (sign === '+') return { least: 1, most: Infinity };
    if (sign === '?') return { least: 0, most: 1 };
    const limit = comma === undefined ? Number(least) : most === '' ? Infinity : Number(most);
    return { least: Number(least), most: limit > MOST_REPETITIONS ? Infinity : limit };
  }

  #repeat(sequence: Element[], start: number, { least, most, rulesInside }: Repetition): void {
    if (least > MOST_REPETITIONS || rulesInside * timesOf({ least, most }) >= MOST_REPETITIONS)
      throw new GrammarFault('asks for too many characters or items; use smaller limits');
    const once = sequence.slice(start);
    if (least === 0) sequence.length = start;
    for (let time = 1; time < least; time++) this.#push(sequence, once);
    const optional = most === Infinity ? 1 : most - least;
    let last = CHARACTER;
    for (let time = 0; time < optional; time++) {
      const id = this.#newRule();
      const next = most === Infinity ? [id] : time > 0 ? [last] : [];
      this.rules[id] = [[...once, ...next], []];
      this.#count(once.length + 2);
      last = id;
    }
    if (optional > 0) this.#push(sequence, [last]);
  }

  #symbol(name: string): number {
    const id = this.#symbols.get(name) ?? this.#symbols.size;
    this.#symbols.set(name, id);
    if (id >= MOST_RULES) throw new GrammarFault('is too large for a grammar');
    return id;
  }

  /** A rule without a name of its own. rbee uses no colon in names. */
  #newRule(): number {
    return this.#symbol(`:${String(this.#symbols.size)}`);
  }

  #push(sequence: Element[], elements: readonly Element[]): void {
    this.#count(elements.length);
    for (const element of elements) sequence.push(element);
  }

  #count(elements: number): void {
    this.#elements += elements;
    if (this.#elements > MOST_ELEMENTS) throw new GrammarFault('is too large for a grammar');
  }

  #skip(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found ?? undefined;
  }

  #take(pattern: RegExp): RegExpExecArray {
    const found = this.#skip(pattern);
    if (!found) throw new GrammarFault('cannot be written as a grammar');
    return found;
  }
}

interface Repetition {
  least: number;
  most: number;
  /** The rules in a repeated part. */
  rulesInside: number;
}

function timesOf({ least, most }: { least: number; most: number }): number {
  if (most !== Infinity && most > 0) return most;
  return Math.max(1, least);
}

/**
 * Follows `llama_grammar_detect_left_recursion`, but each rule once. It starts at each rule in turn, except at those that it came by.
 *
 * @throws GrammarFault
 */
function countSteps(rules: readonly (Alternatives | undefined)[]): void {
  const known = new Map<number, number>();
  const mayBeEmpty = (id: number) => rules[id]?.some((sequence) => sequence.length === 0) ?? false;
  const stepsFrom = (id: number, depth: number): number => {
    const before = known.get(id);
    if (before !== undefined && before > 0) return before;
    const rule = rules[id];
    if (before === 0 || rule === undefined) throw new GrammarFault('refers to itself endlessly');
    if (depth > DEEPEST) throw new GrammarFault('has a chain of definitions that is too long');
    known.set(id, 0);
    let steps = 1;
    for (const sequence of rule) {
      steps += sequence.length + 1;
      for (const element of sequence) {
        if (element === CHARACTER) break;
        steps += stepsFrom(element, depth + 1);
        if (!mayBeEmpty(element)) break;
      }
    }
    if (steps > MOST_STEPS) throw new GrammarFault('has too many ways to begin; use fewer nested alternatives');
    known.set(id, steps);
    return steps;
  };
  let all = 0;
  for (let id = 0; id < rules.length; id++) if (!known.has(id)) all += stepsFrom(id, 0);
  if (all > MOST_STEPS) throw new GrammarFault('has too many ways to begin; use fewer nested alternatives');
}
