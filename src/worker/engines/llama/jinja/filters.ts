import type { Filter } from './filter.ts';
import { bound, integerOr, stringOr } from './arguments.ts';
import { dictionaryOf, itemsOf } from './collections.ts';
import { TemplateError } from './fault.ts';
import { percentFormat } from './formatting.ts';
import { jsonOf } from './json.ts';
import { attributeOf } from './members.ts';
import { mustExist } from './operators.ts';
import { sequenceFilters, sortKey } from './sequence-filters.ts';
import { capitalized, centered, linesOf, replaced, stripped } from './strings.ts';
import { fixedText, representationOf, textOf } from './text.ts';
import { Float, Undefined, compare, isTrue, iterate, lengthOf, numberOf, tuple, type Arguments, type Value } from './values.ts';

const defaultOf: Filter = (value, args) => {
  const { default_value: otherwise = '', boolean = false } = bound(args, 'default_value', 'boolean');
  return value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? otherwise : value;
};

const escape: Filter = (value) =>
  textOf(value)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&#34;');

const textFilters: Record<string, Filter> = {
  default: defaultOf,
  d: defaultOf,
  escape,
  e: escape,
  forceescape: escape,
  safe: (value) => value,
  string: textOf,
  upper: (value) => textOf(value).toUpperCase(),
  lower: (value) => textOf(value).toLowerCase(),
  capitalize: (value) => capitalized(textOf(value)),
  title: (value) => textOf(value).replace(/[^-\s({[<]+/g, capitalized),
  trim: (value, args) => stripped(textOf(value), bound(args, 'chars').chars),
  center: (value, args) => centered(textOf(value), integerOr(bound(args, 'width').width, 80)),
  replace: (value, args) => {
    const { old = '', new: replacement = '', count = null } = bound(args, 'old', 'new', 'count');
    return replaced(textOf(value), [textOf(old), textOf(replacement)], count === null ? -1 : integerOr(count, -1));
  },
  format: (value, args) => percentFormat(textOf(value), args.named.size > 0 ? new Map(args.named) : tuple(...args.list)),
  indent: (value, args) => indented(textOf(value), args),
  truncate: (value, args) => truncated(textOf(value), args),
  wordcount: (value) => textOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
  striptags: (value) =>
    textOf(value)
      .replace(/<!--.*?-->|<[^>]*>/gs, '')
      .split(/\s+/)
      .join(' ')
      .trim(),
  urlencode: (value) => encodeURIComponent(textOf(value)).replaceAll('%2F', '/'),
  pprint: representationOf,
  tojson: (value, args) => json(value, args),
};

const numberFilters: Record<string, Filter> = {
  abs: (value) => {
    const number = Math.abs(numberOf(value) ?? Number.NaN);
    return value instanceof Float ? new Float(number) : number;
  },
  int: (value, args) => integer(value, bound(args, 'default', 'base')),
  float: (value, args) => {
    mustExist(value);
    const number = typeof value === 'string' ? floatIn(value) : numberOf(value);
    return number === undefined ? (bound(args, 'default').default ?? new Float(0)) : new Float(number);
  },
  round: (value, args) => {
    const { precision, method = 'common' } = bound(args, 'precision', 'method');
    const number = numberOf(value) ?? Number.NaN;
    const digits = integerOr(precision, 0);
    if (method === 'ceil' || method === 'floor') return new Float(Math[method](number * 10 ** digits) / 10 ** digits);
    return typeof value === 'number' ? value : new Float(Number(fixedText(number, digits)));
  },
};

const objectFilters: Record<string, Filter> = {
  count: lengthOf,
  length: lengthOf,
  attr: (value, args) => attributeOf(value, stringOr(bound(args, 'name').name, '')),
  items: (value) => {
    if (value instanceof Undefined) return [];
    if (!(value instanceof Map)) throw new TemplateError('Can only get item pairs from a mapping.');
    return itemsOf(value);
  },
  dictsort: (value, args) => {
    mustExist(value);
    const { case_sensitive: isExact = false, by = 'key', reverse = false } = bound(args, 'case_sensitive', 'by', 'reverse');
    const at = by === 'value' ? 1 : 0;
    const keyOf = (item: [Value, Value]) => sortKey(item[at], isExact);
    const sorted = [...dictionaryOf(value)].sort((a, b) => compare(keyOf(a), keyOf(b)));
    return (isTrue(reverse) ? sorted.reverse() : sorted).map(([key, item]) => tuple(key, item));
  },
};

export const filters: ReadonlyMap<string, Filter> = new Map(
  Object.entries({ ...textFilters, ...numberFilters, ...objectFilters, ...sequenceFilters }),
);

/** As chat templates have it: not safe for HTML, and of all characters. */
function json(value: Value, args: Arguments): string {
  const {
    ensure_ascii: isAscii = false,
    indent = null,
    separators = null,
    sort_keys: isSorted = false,
  } = bound(args, 'ensure_ascii', 'indent', 'separators', 'sort_keys');
  const [item, key] = separators === null ? [indent === null ? ', ' : ',', ': '] : [...iterate(separators)].map(textOf);
  return jsonOf(value, {
    indent: indent === null ? undefined : typeof indent === 'string' ? indent : ' '.repeat(integerOr(indent, 0)),
    separators: { item: item ?? ', ', key: key ?? ': ' },
    isAscii: isTrue(isAscii),
    isSorted: isTrue(isSorted),
  });
}

function indented(text: string, args: Arguments): string {
  const { width = 4, first = false, blank = false } = bound(args, 'width', 'first', 'blank');
  const indent = typeof width === 'string' ? width : ' '.repeat(integerOr(width, 4));
  const [start = '', ...lines] = linesOf(`${text}\n`);
  const rest = lines.map((line) => `\n${line !== '' || isTrue(blank) ? indent : ''}${line}`);
  return (isTrue(first) ? indent : '') + start + rest.join('');
}

function truncated(text: string, args: Arguments): string {
  const { length, killwords = false, end = '...', leeway } = bound(args, 'length', 'killwords', 'end', 'leeway');
  const most = integerOr(length, 255);
  if (text.length <= most + integerOr(leeway, 5)) return text;
  const cut = text.slice(0, most - textOf(end).length);
  return (isTrue(killwords) ? cut : cut.replace(/ [^ ]*$/, '')) + textOf(end);
}

function integer(value: Value, { default: otherwise = 0, base }: { default?: Value; base?: Value }): Value {
  mustExist(value);
  if (typeof value !== 'string') return numberOf(value) === undefined ? otherwise : Math.trunc(numberOf(value) ?? 0);
  const text = value.trim().replaceAll('_', '');
  const radix = integerOr(base, 10);
  const digits = text.replace(/^([+-]?)0[xXoObB]/, '$1');
  if (radix !== 10) return Number.isNaN(Number.parseInt(digits, radix)) ? otherwise : Number.parseInt(digits, radix);
  return Math.trunc(floatIn(text) ?? Number.NaN) || (floatIn(text) === undefined ? otherwise : 0);
}

function floatIn(text: string): number | undefined {
  const trimmed = text.trim().replaceAll('_', '');
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : undefined;
}
