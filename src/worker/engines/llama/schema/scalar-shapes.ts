import { asList, limitOf, type Part, type TypeName } from './keywords.ts';
import { patternOfFormat } from './formats.ts';
import type { Language } from './language.ts';
import { integerPattern, numberPattern, type NumberRange } from './number-range.ts';
import { automatonOf, isOf, languageOf, lengthLanguage, ofLength } from './pattern.ts';
import { PatternFault } from './pattern-fault.ts';
import type { SchemaContext } from './schema-context.ts';
import type { Shape } from './shape.ts';

/** The values of `enum` and `const` that all parts allow; undefined when no part has either. */
export function fixedShape(parts: readonly Part[], types: readonly TypeName[], context: SchemaContext): Shape | undefined {
  const lists = parts.flatMap(({ schema, at }) => [
    ...(schema['enum'] === undefined ? [] : [asList(schema['enum'], `${at}.enum`)]),
    ...(schema['const'] === undefined ? [] : [[schema['const']]]),
  ]);
  const [first, ...others] = lists.map((list) => new Map(list.map((value) => [JSON.stringify(value), value])));
  if (!first) return undefined;
  context.count(first.size);
  const common = [...first].filter(([text]) => others.every((other) => other.has(text)));
  const texts = languageOfTexts(parts, context);
  const range = rangeOf(parts, context);
  const values = common.filter(([, value]) => {
    if (!types.includes(typeOf(value)) && !(typeOf(value) === 'integer' && types.includes('number'))) return false;
    if (typeof value === 'number') return isIn(value, range);
    return typeof value !== 'string' || texts === undefined || isOf(value, texts, context.languages);
  });
  return { kind: 'fixed', values: values.map(([text]) => text) };
}

export function textShape(parts: readonly Part[], context: SchemaContext): Shape | undefined {
  const patterns = patternsOf(parts, context);
  const [least, most] = lengthsOf(parts);
  if (patterns.length === 0) return least <= most ? { kind: 'text', least, most } : undefined;
  try {
    const all = automatonOf(context.languages.both(...patterns.map(([, language]) => language)), context.languages);
    const states = all && ofLength(all, least, most);
    return states && { kind: 'automaton', states, isNumber: false };
  } catch (cause) {
    drop(
      cause,
      patterns.map(([at]) => at),
      context,
    );
    return { kind: 'text', least, most };
  }
}

export function numberShape(type: 'number' | 'integer', parts: readonly Part[], context: SchemaContext): Shape | undefined {
  const isInteger = type === 'integer' || parts.some(({ schema }) => schema['multipleOf'] === 1);
  const range = rangeOf(parts, context);
  const isFree = [range.least, range.most].every((bound) => bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER);
  if (isFree) return { kind: isInteger ? 'integer' : 'number' };
  const pattern = isInteger ? integerPattern(range) : numberPattern(range);
  const at = parts.find(({ schema }) => BOUNDS.some((bound) => schema[bound] !== undefined))?.at ?? '';
  if (pattern === undefined) {
    if (isInteger || (range.least ?? -Infinity) > (range.most ?? Infinity)) return undefined;
    context.cannot(at, 'has bounds with more digits than a grammar can hold');
    return { kind: type };
  }
  try {
    const states = automatonOf(languageOf(pattern, context.languages), context.languages);
    return states && { kind: 'automaton', states, isNumber: true };
  } catch (cause) {
    drop(cause, [at], context);
    return { kind: isInteger ? 'integer' : 'number' };
  }
}

/** What the strings must match besides their lengths, with the places of the keywords. */
export function patternsOf(parts: readonly Part[], context: SchemaContext): [at: string, language: Language][] {
  const found: [string, Language][] = [];
  for (const { schema, at } of parts) {
    const { pattern, format } = schema;
    if (pattern !== undefined) found.push(...languagesOf(`${at}.pattern`, pattern, context));
    const known = typeof format === 'string' ? patternOfFormat(format) : undefined;
    if (known !== undefined) found.push(...languagesOf(`${at}.format`, known, context));
  }
  return found;
}

/** One, or none when the pattern is dropped. */
function languagesOf(at: string, pattern: unknown, context: SchemaContext): [at: string, language: Language][] {
  try {
    if (typeof pattern !== 'string') throw new PatternFault('must be a string');
    return [[at, languageOf(pattern, context.languages)]];
  } catch (cause) {
    drop(cause, [at], context);
    return [];
  }
}

function drop(cause: unknown, places: readonly string[], context: SchemaContext): void {
  if (!(cause instanceof PatternFault)) throw cause;
  for (const at of places) context.cannot(at, cause.message);
}

function languageOfTexts(parts: readonly Part[], context: SchemaContext): Language | undefined {
  const patterns = patternsOf(parts, context).map(([, language]) => language);
  const [least, most] = lengthsOf(parts);
  if (patterns.length === 0 && least === 0 && most === Infinity) return undefined;
  return context.languages.both(...patterns, lengthLanguage(context.languages, least, most));
}

function lengthsOf(parts: readonly Part[]): [least: number, most: number] {
  return [limitOf(parts, 'minLength') ?? 0, limitOf(parts, 'maxLength') ?? Infinity];
}

const BOUNDS = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'] as const;

function rangeOf(parts: readonly Part[], context: SchemaContext): NumberRange {
  const range: NumberRange = {};
  for (const { schema, at } of parts) {
    for (const bound of BOUNDS) {
      const value = schema[bound];
      // In draft 4, exclusiveMinimum says of minimum whether it is excluded.
      const isExcluded =
        bound.startsWith('exclusive') || schema[`exclusive${bound[0]?.toUpperCase() ?? ''}${bound.slice(1)}`] === true;
      if (typeof value === 'number') narrow(range, value, { isLeast: bound.toLowerCase().endsWith('minimum'), isExcluded });
      else if (value !== undefined && typeof value !== 'boolean') context.cannot(`${at}.${bound}`, 'must be a number');
    }
    if (schema['multipleOf'] !== undefined && schema['multipleOf'] !== 1) context.cannot(`${at}.multipleOf`);
    if (schema['format'] !== 'int32') continue;
    narrow(range, -(2 ** 31), { isLeast: true, isExcluded: false });
    narrow(range, 2 ** 31 - 1, { isLeast: false, isExcluded: false });
  }
  return range;
}

function narrow(range: NumberRange, bound: number, { isLeast, isExcluded }: { isLeast: boolean; isExcluded: boolean }): void {
  if (isLeast) {
    if (range.least !== undefined && (bound < range.least || (bound === range.least && !isExcluded))) return;
    range.least = bound;
    range.isLeastExcluded = isExcluded;
  } else {
    if (range.most !== undefined && (bound > range.most || (bound === range.most && !isExcluded))) return;
    range.most = bound;
    range.isMostExcluded = isExcluded;
  }
}

function isIn(value: number, { least, isLeastExcluded, most, isMostExcluded }: NumberRange): boolean {
  const isEnough = least === undefined || (isLeastExcluded ? value > least : value >= least);
  return isEnough && (most === undefined || (isMostExcluded ? value < most : value <= most));
}

function typeOf(value: unknown): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as TypeName;
}
