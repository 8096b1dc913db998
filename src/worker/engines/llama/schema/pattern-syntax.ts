import { charactersOf, complementOf, unionOf, type Characters } from './characters.ts';
import { PatternFault } from './pattern-fault.ts';

/** A regular expression of ECMA-262, without what no grammar can hold: back references, word boundaries, looking behind. */
export type Pattern =
  | { kind: 'characters'; set: Characters }
  | { kind: 'start' | 'end' }
  | { kind: 'sequence' | 'either'; parts: Pattern[] }
  | { kind: 'repeat'; part: Pattern; least: number; most: number }
  | { kind: 'ahead'; part: Pattern; isWanted: boolean };

const LONGEST_PATTERN = 4000;
const DEEPEST_GROUP = 50;
const MOST_REPETITIONS = 2000;

const DIGITS: Characters = [[0x30, 0x39]];
const WORD = charactersOf([...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const SPACE = charactersOf([
  [9, 13],
  [32, 32],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
const LINE_ENDS = charactersOf([
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
]);

const CLASSES: Record<string, Characters | undefined> = {
  d: DIGITS,
  D: complementOf(DIGITS),
  w: WORD,
  W: complementOf(WORD),
  s: SPACE,
  S: complementOf(SPACE),
};

const CONTROLS: Record<string, number | undefined> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

/** @throws PatternFault */
export function parsePattern(source: string): Pattern {
  if (source.length > LONGEST_PATTERN) throw new PatternFault(`is longer than ${String(LONGEST_PATTERN)} characters`);
  return withoutRepeatedAnchors(new PatternReader(source).read(), false);
}

/** Anchors are written as characters of their own. The start of a text is one character, however often a pattern asks for it. */
function withoutRepeatedAnchors(pattern: Pattern, isAtStart: boolean): Pattern {
  if (pattern.kind === 'repeat' || pattern.kind === 'ahead')
    return { ...pattern, part: withoutRepeatedAnchors(pattern.part, isAtStart) };
  if (pattern.kind === 'either')
    return { ...pattern, parts: pattern.parts.map((part) => withoutRepeatedAnchors(part, isAtStart)) };
  if (pattern.kind !== 'sequence') return isAtStart && pattern.kind === 'start' ? { kind: 'sequence', parts: [] } : pattern;
  let isHere = isAtStart;
  let isLater = false;
  const parts = pattern.parts.map((part) => {
    const isOnlyLooking = part.kind === 'ahead' || part.kind === 'start';
    if (isLater && hasAnchor(part, 'start')) throw new PatternFault('has ^ after its beginning, which a grammar cannot hold');
    const made = withoutRepeatedAnchors(part, isHere);
    if (part.kind === 'start') isHere = true;
    else if (!isOnlyLooking) [isHere, isLater] = [false, true];
    return made;
  });
  const end = parts.findIndex((part) => hasAnchor(part, 'end'));
  if (end !== -1 && parts.slice(end + 1).some((part) => hasAnchor(part, 'end')))
    throw new PatternFault('has $ before its end, which a grammar cannot hold');
  return { kind: 'sequence', parts };
}

/** What looks ahead leaves the end of the text to what follows. */
function hasAnchor(pattern: Pattern, anchor: 'start' | 'end'): boolean {
  if (pattern.kind === 'ahead' && anchor === 'end') return false;
  if (pattern.kind === 'repeat' || pattern.kind === 'ahead') return hasAnchor(pattern.part, anchor);
  if (pattern.kind === 'sequence' || pattern.kind === 'either') return pattern.parts.some((part) => hasAnchor(part, anchor));
  return pattern.kind === anchor;
}

class PatternReader {
  #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): Pattern {
    const pattern = this.#either();
    if (this.#at < this.#source.length) throw wrong();
    return pattern;
  }

  #either(): Pattern {
    const parts = [this.#sequence()];
    while (this.#skip(/\|/y)) parts.push(this.#sequence());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: 'either', parts };
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at] ?? '')) parts.push(this.#repeated(this.#one()));
    return { kind: 'sequence', parts };
  }

  #repeated(part: Pattern): Pattern {
    const found = this.#skip(/(?:([*+?])|\{(\d+)(,)?(\d*)\})\??/y);
    if (!found) return part;
    if (part.kind === 'ahead' || part.kind === 'start' || part.kind === 'end') throw wrong();
    const [, sign, min, comma, max] = found;
    const least = sign === undefined ? Number(min) : sign === '+' ? 1 : 0;
    const most =
      sign === undefined ? (comma === undefined ? least : max === '' ? Infinity : Number(max)) : sign === '?' ? 1 : Infinity;
    if (least > most) throw wrong();
    if (least > MOST_REPETITIONS) throw new PatternFault(`repeats more than ${String(MOST_REPETITIONS)} times`);
    return { kind: 'repeat', part, least, most: most > MOST_REPETITIONS ? Infinity : most };
  }

  #one(): Pattern {
    if (this.#skip(/\^/y)) return { kind: 'start' };
    if (this.#skip(/\$/y)) return { kind: 'end' };
    if (this.#skip(/\./y)) return { kind: 'characters', set: complementOf(LINE_ENDS) };
    if (this.#skip(/\[/y)) return { kind: 'characters', set: this.#class() };
    if (this.#skip(/\(/y)) return this.#group();
    if (this.#skip(/\\/y)) return { kind: 'characters', set: this.#escape() };
    if (this.#skip(/[*+?{}\])]/y)) throw wrong();
    return { kind: 'characters', set: single(this.#character()) };
  }

  #group(): Pattern {
    if (++this.#depth > DEEPEST_GROUP) throw new PatternFault('has too many groups in each other');
    const kind = this.#skip(/\?(?:[:=!]|<(?![=!])[^>]*>)/y)?.[0];
    if (kind === undefined && this.#skip(/\?/y)) throw new PatternFault('looks behind or sets flags, which a grammar cannot do');
    const part = this.#either();
    if (!this.#skip(/\)/y)) throw wrong();
    this.#depth--;
    return kind === '?=' || kind === '?!' ? { kind: 'ahead', part, isWanted: kind === '?=' } : part;
  }

  #class(): Characters {
    const isNegated = this.#skip(/\^/y) !== undefined;
    const sets: Characters[] = [];
    while (!this.#skip(/\]/y)) {
      const first = this.#classPart();
      if (!this.#skip(/-(?!\])/y)) sets.push(first);
      else sets.push([[onlyOf(first), onlyOf(this.#classPart())]]);
    }
    const set = unionOf(...sets);
    return isNegated ? complementOf(set) : set;
  }

  #classPart(): Characters {
    if (this.#at >= this.#source.length) throw wrong();
    return this.#skip(/\\/y) ? (this.#skip(/b/y) ? single(8) : this.#escape()) : single(this.#character());
  }

  #escape(): Characters {
    const hex = this.#skip(/x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]{1,6})\}/iy);
    if (hex) return single(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16));
    const letter = this.#skip(/[\s\S]/y)?.[0] ?? '';
    const known = CLASSES[letter] ?? (letter in CONTROLS ? single(CONTROLS[letter] ?? 0) : undefined);
    if (known) return known;
    if (/[a-z\d]/i.test(letter)) throw new PatternFault(`has \\${letter}, which a grammar cannot hold`);
    if (letter === '') throw wrong();
    return single(letter.codePointAt(0) ?? 0);
  }

  #character(): number {
    const character = this.#source.codePointAt(this.#at) ?? 0;
    this.#at += character > 0xffff ? 2 : 1;
    return character;
  }

  #skip(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found) this.#at = pattern.lastIndex;
    return found ?? undefined;
  }
}

function single(character: number): Characters {
  return [[character, character]];
}

/** A range has one character at each end. */
function onlyOf(set: Characters): number {
  const [range] = set;
  if (set.length !== 1 || !range || range[0] !== range[1]) throw wrong();
  return range[0];
}

function wrong(): PatternFault {
  return new PatternFault('is not a regular expression');
}
