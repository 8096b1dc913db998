import { bound, integerOr, stringOr } from './arguments.ts';
import { TemplateError } from './fault.ts';
import { braceFormat } from './formatting.ts';
import { Tuple, hasPairs, iterate, tuple, typeName, type Arguments, type Method, type Value } from './values.ts';

/** What Python takes for white space. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const LEADING = new RegExp(`^[${SPACE}]+`);
const SPACES = new RegExp(`[${SPACE}]+`);
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/g;

export const stringMethods: Record<string, Method<string>> = {
  upper: (self) => self.toUpperCase(),
  lower: (self) => self.toLowerCase(),
  casefold: (self) => self.toLowerCase(),
  title: (self) => self.replace(/\p{L}+/gu, capitalized),
  capitalize: (self) => capitalized(self),
  swapcase: (self) => [...self].map((each) => (each === each.toUpperCase() ? each.toLowerCase() : each.toUpperCase())).join(''),
  strip: (self, args) => stripped(self, args.list[0]),
  lstrip: (self, args) => stripped(self, args.list[0], 'start'),
  rstrip: (self, args) => stripped(self, args.list[0], 'end'),
  startswith: (self, args) => affixes(args).some((affix) => self.startsWith(affix, integerOr(args.list[1], 0))),
  endswith: (self, args) => affixes(args).some((affix) => self.endsWith(affix)),
  removeprefix: (self, args) => (self.startsWith(text(args)) ? self.slice(text(args).length) : self),
  removesuffix: (self, args) => (text(args) !== '' && self.endsWith(text(args)) ? self.slice(0, -text(args).length) : self),
  split: (self, args) => split(self, args, 'start'),
  rsplit: (self, args) => split(self, args, 'end'),
  splitlines: (self, args) => linesOf(self, bound(args, 'keepends').keepends === true),
  partition: (self, args) => parted(self, text(args), self.indexOf(text(args))),
  rpartition: (self, args) => {
    const at = self.lastIndexOf(text(args));
    return at < 0 ? tuple('', '', self) : parted(self, text(args), at);
  },
  replace: (self, args) => {
    const { old, new: replacement, count } = bound(args, 'old', 'new', 'count');
    return replaced(self, [stringOr(old, ''), stringOr(replacement, '')], integerOr(count, -1));
  },
  find: (self, args) => self.indexOf(text(args), integerOr(args.list[1], 0)),
  rfind: (self, args) => self.lastIndexOf(text(args)),
  index: (self, args) => found(self.indexOf(text(args), integerOr(args.list[1], 0))),
  rindex: (self, args) => found(self.lastIndexOf(text(args))),
  count: (self, args) => self.split(text(args)).length - 1,
  join: (self, args) => Array.from(iterate(args.list[0] ?? null), item).join(self),
  format: (self, args) => braceFormat(self, args),
  zfill: (self, args) =>
    self.replace(/^[+-]?/, (sign) => sign + '0'.repeat(Math.max(0, integerOr(args.list[0], 0) - self.length))),
  ljust: (self, args) => self.padEnd(integerOr(args.list[0], 0), stringOr(args.list[1], ' ')),
  rjust: (self, args) => self.padStart(integerOr(args.list[0], 0), stringOr(args.list[1], ' ')),
  center: (self, args) => centered(self, integerOr(args.list[0], 0), stringOr(args.list[1], ' ')),
  isdigit: (self) => /^\p{Nd}+$/u.test(self),
  isdecimal: (self) => /^\p{Nd}+$/u.test(self),
  isnumeric: (self) => /^\p{N}+$/u.test(self),
  isalpha: (self) => /^\p{L}+$/u.test(self),
  isalnum: (self) => /^[\p{L}\p{N}]+$/u.test(self),
  isspace: (self) => self !== '' && stripped(self, undefined) === '',
  isupper: (self) => /\p{L}/u.test(self) && self === self.toUpperCase(),
  islower: (self) => /\p{L}/u.test(self) && self === self.toLowerCase(),
  istitle: (self) => /\p{L}/u.test(self) && self === self.replace(/\p{L}+/gu, capitalized),
};

export function capitalized(self: string): string {
  const [first = '', ...rest] = self;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** Without the characters at its ends: those given, or white space. */
export function stripped(self: string, characters: Value | undefined, side: 'start' | 'end' | 'both' = 'both'): string {
  const given = characters === null ? undefined : stringOr(characters, undefined);
  const taken = new Set(given);
  const isTaken = (character: string) => (given === undefined ? LEADING.test(character) : taken.has(character));
  let start = 0;
  if (side !== 'end')
    for (const character of self)
      if (isTaken(character)) start += character.length;
      else break;
  const rest = self.slice(start);
  return side === 'start' ? rest : rest.slice(0, endWithout(rest, isTaken));
}

/** Step by step: a regular expression for the end of a text is tried at each of its characters. */
function endWithout(self: string, isTaken: (character: string) => boolean): number {
  let end = self.length;
  while (end > 0) {
    const length = end > 1 && hasPairs(self.slice(end - 2, end)) ? 2 : 1;
    if (!isTaken(self.slice(end - length, end))) break;
    end -= length;
  }
  return end;
}

export function linesOf(self: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let at = 0;
  for (const { index, 0: end } of self.matchAll(LINE_END)) {
    lines.push(self.slice(at, keepEnds ? index + end.length : index));
    at = index + end.length;
  }
  if (at < self.length) lines.push(self.slice(at));
  return lines;
}

export function replaced(self: string, [old, replacement]: [string, string], count = -1): string {
  if (count === 0) return self;
  if (count < 0) return self.replaceAll(old, () => replacement);
  const parts = self.split(old);
  const rest = parts.slice(count);
  return [...parts.slice(0, count), rest.join(old)].slice(0, parts.length).join(replacement);
}

export function centered(self: string, width: number, fill = ' '): string {
  const missing = Math.max(0, width - self.length);
  // Where it is odd, Python puts the rest on the left only for an odd width.
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(left) + self + fill.repeat(missing - left);
}

function split(self: string, args: Arguments, side: 'start' | 'end'): Value {
  const { sep = null, maxsplit } = bound(args, 'sep', 'maxsplit');
  const most = integerOr(maxsplit, -1);
  if (sep === null) return splitAtSpace(self, most, side);
  const separator = stringOr(sep, '');
  if (separator === '') throw new TemplateError('empty separator');
  const parts = self.split(separator);
  if (most < 0 || parts.length <= most + 1) return parts;
  if (side === 'end') return [parts.slice(0, parts.length - most).join(separator), ...parts.slice(parts.length - most)];
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function splitAtSpace(self: string, most: number, side: 'start' | 'end'): Value {
  const words = stripped(self, undefined)
    .split(SPACES)
    .filter((word) => word !== '');
  if (most < 0 || words.length <= most + 1) return words;
  let rest = stripped(self, undefined, side);
  const kept = side === 'start' ? words.slice(0, most) : words.slice(words.length - most);
  for (const word of side === 'start' ? kept : [...kept].reverse())
    rest = stripped(side === 'start' ? rest.slice(word.length) : rest.slice(0, rest.length - word.length), undefined, side);
  return side === 'start' ? [...kept, rest] : [rest, ...kept];
}

function parted(self: string, separator: string, at: number): Tuple {
  return at < 0 ? tuple(self, '', '') : tuple(self.slice(0, at), separator, self.slice(at + separator.length));
}

function found(at: number): number {
  if (at < 0) throw new TemplateError('substring not found');
  return at;
}

function text({ list: [value] }: Arguments): string {
  return item(value ?? null);
}

function item(value: Value): string {
  if (typeof value === 'string') return value;
  throw new TemplateError(`expected str instance, ${typeName(value)} found`);
}

/** One text, or a tuple of them. */
function affixes({ list: [value] }: Arguments): string[] {
  return value instanceof Tuple ? Array.from(value, item) : [item(value ?? null)];
}
