import { JobError } from '../../../contract/index.ts';

type Json = Record<string, unknown>;

const MAX_DEPTH = 64;
const LONGEST_WORDS = 200;
/** llama.cpp parses no grammar with longer required repetitions. */
const MAX_REPETITIONS = 2000;
/** Every token is checked against every alternative, and the other slots wait for it: 20,000 of them take half a second a token. */
const MAX_PARTS = 5000;
/** The library goes through all definitions at every part. */
const MAX_PARTS_TIMES_DEFINITIONS = 500_000;

/** Keywords for people and tools, which do not restrict the valid values. */
const ANNOTATIONS: ReadonlySet<string> = new Set(
  '$schema $id $comment title description default examples deprecated readOnly writeOnly'.split(' '),
);

/** What the grammar can hold of each kind of schema. `required` is checked by itself: the grammar writes every property. */
const KEYWORDS = {
  $ref: ['$ref'],
  oneOf: ['oneOf'],
  anyOf: ['anyOf'],
  const: ['const', 'type'],
  enum: ['enum', 'type'],
  object: ['type', 'properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties'],
  array: ['type', 'items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['type', 'minLength', 'maxLength', 'format'],
  number: ['type', 'minimum', 'maximum'],
  integer: ['type', 'minimum', 'maximum'],
  boolean: ['type'],
  null: ['type'],
  types: ['type'],
} as const;

const SCALARS: ReadonlySet<unknown> = new Set(['string', 'number', 'integer', 'boolean', 'null']);
const FORMATS: ReadonlySet<unknown> = new Set(['date-time', 'time', 'date']);
const COUNTS: ReadonlySet<string> = new Set(['minProperties', 'maxProperties', 'minItems', 'maxItems', 'minLength', 'maxLength']);

/**
 * A JSON Schema as node-llama-cpp's grammar accepts it. The library ignores unknown keywords, and would then allow answers that
 * the schema forbids; so every keyword that it cannot enforce is refused here, by its place in the schema.
 *
 * @throws JobError invalid_input
 */
export function grammarSchemaOf(schema: Json): Json {
  const definitions = asObject(schema['$defs'] ?? {}, 'json_schema.$defs');
  const reader = new SchemaReader(new Set(Object.keys(definitions)));
  const root = Object.fromEntries(Object.entries(schema).filter(([keyword]) => keyword !== '$defs'));
  const read = reader.read(root, 'json_schema', 0);
  const $defs = mapValues(definitions, (definition, name) => reader.read(definition, `json_schema.$defs.${name}`, 1));
  if (reader.parts * Object.keys($defs).length > MAX_PARTS_TIMES_DEFINITIONS)
    throw refused('json_schema.$defs', 'has too many definitions for a schema of so many parts. Make it simpler');
  return { ...read, ...(Object.keys($defs).length > 0 && { $defs }) };
}

class SchemaReader {
  #definitions: ReadonlySet<string>;
  #parts = 0;

  constructor(definitions: ReadonlySet<string>) {
    this.#definitions = definitions;
  }

  get parts(): number {
    return this.#parts;
  }

  read(value: unknown, at: string, depth: number): Json {
    if (depth > MAX_DEPTH) throw refused(at, `is nested deeper than ${String(MAX_DEPTH)} levels`);
    const schema = asObject(value, at);
    this.#count(1);
    const kind = kindOf(schema, at);
    checkKeywords(schema, kind, at);
    const below = (part: unknown, step: string) => this.read(part, `${at}.${step}`, depth + 1);
    switch (kind) {
      case '$ref':
        return this.#reference(schema['$ref'], at);
      case 'oneOf':
      case 'anyOf':
        // The grammar offers the alternatives side by side, which is what anyOf means.
        return { oneOf: asList(schema[kind], `${at}.${kind}`).map((part, index) => below(part, `${kind}[${String(index)}]`)) };
      case 'const':
        return { const: scalar(schema['const'], `${at}.const`) };
      case 'enum':
        this.#count(asList(schema['enum'], `${at}.enum`).length);
        return { enum: asList(schema['enum'], `${at}.enum`).map((option) => scalar(option, `${at}.enum`)) };
      case 'object':
        return this.#object(schema, at, below);
      case 'array':
        return {
          ...pick(schema, ['minItems', 'maxItems']),
          type: 'array',
          ...(schema['items'] !== undefined && { items: below(schema['items'], 'items') }),
          ...(schema['prefixItems'] !== undefined && {
            prefixItems: asList(schema['prefixItems'], `${at}.prefixItems`).map((part) => below(part, 'prefixItems')),
          }),
        };
      case 'string':
        return pick(schema, ['type', 'minLength', 'maxLength', 'format']);
      default:
        return pick(schema, ['type']);
    }
  }

  #count(parts: number): void {
    this.#parts += parts;
    if (this.#parts > MAX_PARTS) throw refused('json_schema', `has more than ${String(MAX_PARTS)} parts. Make it simpler`);
  }

  #reference(reference: unknown, at: string): Json {
    const name = typeof reference === 'string' ? /^#\/\$defs\/(.+)$/.exec(reference)?.[1] : undefined;
    if (name === undefined || !this.#definitions.has(name)) {
      throw refused(
        `${at}.$ref`,
        `must point into the schema's own $defs, as '#/$defs/name', but it is ${JSON.stringify(reference)}`,
      );
    }
    return { $ref: reference };
  }

  #object(schema: Json, at: string, below: (part: unknown, step: string) => Json): Json {
    const properties = asObject(schema['properties'] ?? {}, `${at}.properties`);
    for (const name of asList(schema['required'] ?? [], `${at}.required`, 0)) {
      if (!Object.hasOwn(properties, String(name)))
        throw refused(`${at}.required`, `names '${String(name)}', which is not in properties`);
    }
    const additional = schema['additionalProperties'];
    return {
      ...pick(schema, ['minProperties', 'maxProperties']),
      type: 'object',
      properties: mapValues(properties, (part, name) => below(part, `properties.${name}`)),
      ...(additional !== undefined && {
        additionalProperties: typeof additional === 'boolean' ? additional : below(additional, 'additionalProperties'),
      }),
    };
  }
}

function kindOf(schema: Json, at: string): keyof typeof KEYWORDS {
  for (const kind of ['$ref', 'oneOf', 'anyOf', 'const', 'enum'] as const) if (schema[kind] !== undefined) return kind;
  const type = schema['type'];
  if (Array.isArray(type) && type.length > 0 && type.every((one) => SCALARS.has(one))) return 'types';
  if (type === 'object' || type === 'array' || SCALARS.has(type)) return type as keyof typeof KEYWORDS;
  if (type === undefined && schema['properties'] !== undefined) return 'object';
  if (type === undefined && schema['items'] !== undefined) return 'array';
  if (type === undefined) throw refused(at, 'has no type; add one, for example "type": "string"');
  throw refused(`${at}.type`, `cannot be ${JSON.stringify(type)}`);
}

function checkKeywords(schema: Json, kind: keyof typeof KEYWORDS, at: string): void {
  const known: readonly string[] = KEYWORDS[kind];
  for (const [keyword, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword)) continue;
    const wrong = known.includes(keyword) ? wrongWith(keyword, value) : NOT_HELD;
    if (wrong !== undefined) throw refused(`${at}.${keyword}`, wrong);
  }
  for (const of of ['Properties', 'Items', 'Length']) {
    if (Number(schema[`min${of}`] ?? 0) > Number(schema[`max${of}`] ?? Infinity))
      throw refused(`${at}.min${of}`, `is more than max${of}`);
  }
}

const NOT_HELD = 'cannot be held by a grammar; leave it out and check the answer yourself';

function wrongWith(keyword: string, value: unknown): string | undefined {
  if (keyword === 'format')
    return FORMATS.has(value) ? undefined : `cannot be ${JSON.stringify(value)}; date-time, time and date can`;
  // Schema makers write the bounds of a safe integer, which forbid nothing that a model would write.
  if (keyword === 'minimum' || keyword === 'maximum')
    return Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER ? undefined : NOT_HELD;
  if (!COUNTS.has(keyword)) return undefined;
  if (!Number.isSafeInteger(value) || Number(value) < 0) return 'must be a whole number';
  return keyword.startsWith('min') && Number(value) > MAX_REPETITIONS ? `can be at most ${String(MAX_REPETITIONS)}` : undefined;
}

function scalar(value: unknown, at: string): unknown {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
  throw refused(at, 'can only be a string, a number, a boolean or null');
}

function asObject(value: unknown, at: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw refused(at, 'must be an object');
}

function asList(value: unknown, at: string, atLeast = 1): unknown[] {
  if (Array.isArray(value) && value.length >= atLeast) return value;
  throw refused(at, atLeast > 0 ? 'must be a list with at least one entry' : 'must be a list');
}

function mapValues<T>(object: Json, map: (value: unknown, key: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]));
}

function pick(schema: Json, keys: string[]): Json {
  return Object.fromEntries(keys.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]]));
}

/** Names and values of a schema may be long; what is said about them is not. */
function refused(at: string, why: string): JobError {
  return new JobError('invalid_input', `${short(at)} ${short(why)}.`);
}

function short(text: string): string {
  return text.length > LONGEST_WORDS ? `${text.slice(0, LONGEST_WORDS)}…` : text;
}
