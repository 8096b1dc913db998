import { asList, asObject, limitOf, type Json, type Part } from './keywords.ts';
import type { Language } from './language.ts';
import { automatonExcept, automatonOf, isOf, languageOf, lengthLanguage } from './pattern.ts';
import { PatternFault } from './pattern-fault.ts';
import { patternsOf } from './scalar-shapes.ts';
import type { Member, SchemaContext } from './schema-context.ts';
import type { Entries, Field, Shape } from './shape.ts';

/** Parts have no depth of their own: their place tells it. */
function below({ at }: Part, schema: unknown, step: string): Member {
  return { schema, at: `${at}.${step}`, depth: at.split(/[.[]/).length };
}

/** The names of entries match all of them or do not match: their automata multiply. */
const MOST_NAME_PATTERNS = 10;

interface Named {
  pattern: string;
  language: Language;
  member: Member;
}

export function objectShape(parts: readonly Part[], context: SchemaContext): Shape | undefined {
  const objects = parts.map((part) => ({ part, ...readObject(part) }));
  const patterns = objects.flatMap(({ part }) => patternsOfNames(part, context));
  const given = namesGiven(parts, context);
  const required = new Set(objects.flatMap((object) => object.required));
  const names = new Set([...objects.flatMap(({ properties }) => Object.keys(properties)), ...required, ...(given.names ?? [])]);
  context.count(names.size);
  const fields: Field[] = [];
  for (const name of names) {
    const isRequired = required.has(name);
    const members = objects.flatMap(({ part, properties, additional }) => {
      if (Object.hasOwn(properties, name)) return [below(part, properties[name], `properties.${name}`)];
      return additional === undefined || patterns.length > 0 ? [] : [below(part, additional, 'additionalProperties')];
    });
    const matched = patterns.filter(({ language }) => isOf(name, language, context.languages)).map(({ member }) => member);
    const isNamed = given.names === undefined || given.names.has(name);
    const isForbidden = !isNamed || [...members, ...matched].some(({ schema }) => schema === false);
    if (!isForbidden) fields.push({ name, value: context.shapeOf([...members, ...matched]), isRequired });
    else if (isRequired) return undefined;
  }
  const others = entriesOf(objects, { patterns, given, fields, names }, context);
  return withCounts({ kind: 'object', fields, entries: others }, parts, context);
}

function readObject(part: Part): { properties: Json; required: string[]; additional: unknown; isOpen: boolean } {
  const { schema, at } = part;
  const unevaluated = schema['unevaluatedProperties'];
  return {
    properties: asObject(schema['properties'] ?? {}, `${at}.properties`),
    required: asList(schema['required'] ?? [], `${at}.required`, 0).map(String),
    additional: schema['additionalProperties'] ?? (unevaluated === false ? undefined : unevaluated),
    isOpen: unevaluated !== false,
  };
}

interface Around {
  patterns: readonly Named[];
  given: NamesGiven;
  fields: readonly Field[];
  names: ReadonlySet<string>;
}

/** What an object may have besides its fields. */
function entriesOf(
  objects: readonly (ReturnType<typeof readObject> & { part: Part })[],
  around: Around,
  context: SchemaContext,
): Entries | undefined {
  const { patterns, given, names } = around;
  const additional = objects.filter((object) => object.additional !== undefined);
  if (given.names || objects.some(({ isOpen }) => !isOpen)) return undefined;
  if (patterns.length === 0 && additional.some((object) => object.additional === false)) return undefined;
  // A schema that names properties and says nothing of others means just these.
  if (patterns.length === 0 && additional.length === 0 && names.size > 0) return undefined;
  const members = patterns[0]
    ? [patterns[0].member]
    : additional.map(({ part, additional: schema }) => below(part, schema, 'additionalProperties'));
  const { languages } = context;
  const others = patterns.slice(1).map(({ language }) => languages.not(language));
  const wanted = [...(patterns[0] ? [patterns[0].language, ...others] : []), ...given.languages];
  const shape = shapeOfNames(wanted, [...names], context);
  return shape && { names: shape === 'any' ? undefined : shape, value: context.shapeOf(members), least: 0, most: Infinity };
}

/** Names that match these, and that no field has. */
function shapeOfNames(wanted: readonly Language[], taken: readonly string[], context: SchemaContext): Shape | 'any' | undefined {
  const { languages } = context;
  if (wanted.length === 0)
    return taken.length === 0 ? 'any' : { kind: 'automaton', states: automatonExcept(taken), isNumber: false };
  if (wanted.length + taken.length > MOST_NAME_PATTERNS) {
    context.cannot('the names of additional properties', 'are restricted by too many patterns and names');
    return undefined;
  }
  try {
    const language = languages.both(...wanted, ...taken.map((name) => languages.not(exactly(name, context))));
    const states = automatonOf(language, languages);
    return states && { kind: 'automaton', states, isNumber: false };
  } catch (cause) {
    if (!(cause instanceof PatternFault)) throw cause;
    context.cannot('the names of additional properties', cause.message);
    return undefined;
  }
}

function exactly(text: string, { languages }: SchemaContext): Language {
  const length = lengthLanguage(languages, [...text].length, [...text].length);
  return languages.both(length, languages.sequence(languages.anything, languages.text(text), languages.anything));
}

function patternsOfNames(part: Part, context: SchemaContext): Named[] {
  const at = `${part.at}.patternProperties`;
  return Object.entries(asObject(part.schema['patternProperties'] ?? {}, at)).flatMap(([pattern, schema]) => {
    try {
      return {
        pattern,
        language: languageOf(pattern, context.languages),
        member: below(part, schema, `patternProperties.${pattern}`),
      };
    } catch (cause) {
      if (!(cause instanceof PatternFault)) throw cause;
      context.cannot(`${at}.${pattern}`, cause.message);
      return [];
    }
  });
}

interface NamesGiven {
  /** All names that the object may have. */
  names: ReadonlySet<string> | undefined;
  languages: Language[];
}

/** What `propertyNames` says: a list of names, or what they match. */
function namesGiven(parts: readonly Part[], context: SchemaContext): NamesGiven {
  const given: NamesGiven = { names: undefined, languages: [] };
  for (const { schema, at } of parts) {
    if (schema['propertyNames'] === undefined || schema['propertyNames'] === true) continue;
    const part = { schema: asObject(schema['propertyNames'], `${at}.propertyNames`), at: `${at}.propertyNames` };
    const known = ['type', 'enum', 'const', 'pattern', 'format', 'minLength', 'maxLength', 'description', '$schema'];
    for (const keyword of Object.keys(part.schema)) if (!known.includes(keyword)) context.cannot(`${part.at}.${keyword}`);
    const list = part.schema['const'] === undefined ? part.schema['enum'] : [part.schema['const']];
    if (list !== undefined)
      given.names = new Set(
        asList(list, `${part.at}.enum`)
          .map(String)
          .filter((name) => given.names?.has(name) ?? true),
      );
    given.languages.push(...patternsOf([part], context).map(([, language]) => language));
    const [least, most] = [limitOf([part], 'minLength') ?? 0, limitOf([part], 'maxLength') ?? Infinity];
    if (least > 0 || most < Infinity) given.languages.push(lengthLanguage(context.languages, least, most));
  }
  return given;
}

/** The limits of how many properties there are. Two entries may have the same name, so at most one can be asked for. */
function withCounts(shape: Shape & { kind: 'object' }, parts: readonly Part[], context: SchemaContext): Shape {
  const at = parts.find(({ schema }) => schema['minProperties'] !== undefined || schema['maxProperties'] !== undefined)?.at ?? '';
  const { fields, entries } = shape;
  const required = fields.filter(({ isRequired }) => isRequired).length;
  const missing = (limitOf(parts, 'minProperties') ?? 0) - required;
  const spare = (limitOf(parts, 'maxProperties') ?? Infinity) - fields.length;
  if (missing > 0 && (!entries || missing > 1)) context.cannot(`${at}.minProperties`);
  if (spare < 0) context.cannot(`${at}.maxProperties`);
  if (!entries) return shape;
  return { ...shape, entries: { ...entries, least: missing > 0 ? 1 : 0, most: Math.max(0, spare) } };
}

export function arrayShape(parts: readonly Part[], context: SchemaContext): Shape | undefined {
  const arrays = parts.map((part) => readArray(part));
  const least = limitOf(parts, 'minItems') ?? 0;
  const most = limitOf(parts, 'maxItems') ?? Infinity;
  if (least > most) return undefined;
  for (const { schema, at } of parts) if (schema['uniqueItems'] === true && most > 1) context.cannot(`${at}.uniqueItems`);
  const length = Math.max(0, ...arrays.map(({ first }) => first.length));
  const at = (index: number) => arrays.flatMap(({ first, rest }) => first[index] ?? rest ?? []);
  const first: Shape[] = [];
  while (first.length < Math.min(length, most)) {
    const members = at(first.length);
    if (members.some(({ schema }) => schema === false)) break;
    first.push(context.shapeOf(members));
  }
  const others = at(length);
  const isClosed = others.some(({ schema }) => schema === false) || first.length < length;
  // A list that names its first items and says nothing of others means just these.
  const isMeant = others.length > 0 || length === 0 || least > length;
  const rest = isClosed || !isMeant ? undefined : context.shapeOf(others);
  if (!rest && least > first.length) return undefined;
  return { kind: 'array', first, rest, least: Math.max(0, least - first.length), most: most - first.length };
}

/** In older drafts, a list in `items` is what is now `prefixItems`, and `additionalItems` what is now `items`. */
function readArray(part: Part): { first: Member[]; rest: Member | undefined } {
  const { schema, at } = part;
  const { items, prefixItems, additionalItems } = schema;
  const isOld = Array.isArray(items);
  const list = isOld ? items : asList(prefixItems ?? [], `${at}.prefixItems`, 0);
  const rest = isOld ? additionalItems : items;
  const keyword = isOld ? 'items' : 'prefixItems';
  return {
    first: list.map((item, index) => below(part, item, `${keyword}[${String(index)}]`)),
    rest: rest === undefined ? undefined : below(part, rest, isOld ? 'additionalItems' : 'items'),
  };
}
