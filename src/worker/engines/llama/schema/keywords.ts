import { refused } from './schema-fault.ts';

export type Json = Record<string, unknown>;

/** A schema, or the plain keywords of one, with its place. */
export interface Part {
  schema: Json;
  at: string;
}

export type TypeName = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'object' | 'array';
export const TYPES: readonly TypeName[] = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** Keywords that restrict only values of one type. A schema with one of them and no `type` means that type. */
const OF_TYPE: Partial<Record<TypeName, readonly string[]>> = {
  object: 'properties required additionalProperties patternProperties propertyNames minProperties maxProperties'.split(' '),
  array: 'items prefixItems additionalItems minItems maxItems uniqueItems'.split(' '),
  string: 'minLength maxLength pattern format'.split(' '),
  number: 'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf'.split(' '),
};

/** Keywords that restrict values in a way that no grammar can hold. Keywords that no draft defines restrict nothing. */
export const NOT_HELD: readonly string[] = (
  'not if then else dependentSchemas dependentRequired dependencies contains minContains maxContains ' +
  'unevaluatedItems $dynamicRef $recursiveRef extends disallow divisibleBy'
).split(' ');

export const CANNOT_HOLD = 'cannot be held by a grammar; leave it out and check the answer yourself';

const RESTRICTING: ReadonlySet<string> = new Set([
  'type',
  'enum',
  'const',
  'unevaluatedProperties',
  ...NOT_HELD,
  ...Object.values(OF_TYPE).flat(),
]);

/** Whether a schema restricts a value, apart from its references and alternatives. */
export function restricts(schema: Json): boolean {
  return Object.keys(schema).some((keyword) => RESTRICTING.has(keyword));
}

/** The types of the values that a schema allows. @throws JobError for a type that JSON does not have */
export function typesOf({ schema, at }: Part): ReadonlySet<TypeName> {
  const { type, nullable } = schema;
  const named: unknown[] = Array.isArray(type) ? type : type === undefined ? [] : [type];
  for (const one of named) {
    if (!TYPES.includes(one as TypeName)) throw refused(`${at}.type`, `cannot be ${JSON.stringify(one)}`);
  }
  if (named.length === 0) return typesByKeywords(schema);
  const types = new Set(named as TypeName[]);
  if (types.has('number')) types.delete('integer');
  if (nullable === true) types.add('null');
  return types;
}

function typesByKeywords(schema: Json): ReadonlySet<TypeName> {
  const meant = TYPES.filter((type) => OF_TYPE[type]?.some((keyword) => schema[keyword] !== undefined));
  if (meant.length === 0 || schema['enum'] !== undefined || schema['const'] !== undefined)
    return new Set(TYPES.filter((type) => type !== 'integer'));
  return new Set(schema['nullable'] === true ? [...meant, 'null'] : meant);
}

/** The types that all of them allow: an integer is a number. */
export function commonTypes(all: readonly ReadonlySet<TypeName>[]): TypeName[] {
  const allows = (types: ReadonlySet<TypeName>, type: TypeName) => types.has(type) || (type === 'integer' && types.has('number'));
  const common = TYPES.filter((type) => all.every((types) => allows(types, type)));
  return common.includes('number') ? common.filter((type) => type !== 'integer') : common;
}

/** The greatest value of a keyword that sets a lower limit, or the least of one that sets an upper limit. */
export function limitOf(parts: readonly Part[], keyword: string): number | undefined {
  const limits = parts.flatMap(({ schema, at }) =>
    schema[keyword] === undefined ? [] : [count(schema[keyword], `${at}.${keyword}`)],
  );
  if (limits.length === 0) return undefined;
  return keyword.startsWith('min') ? Math.max(...limits) : Math.min(...limits);
}

function count(value: unknown, at: string): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value);
  throw refused(at, 'must be a whole number');
}

export function asObject(value: unknown, at: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw refused(at, 'must be an object');
}

export function asList(value: unknown, at: string, atLeast = 1): unknown[] {
  if (Array.isArray(value) && value.length >= atLeast) return value;
  throw refused(at, atLeast > 0 ? 'must be a list with at least one entry' : 'must be a list');
}
