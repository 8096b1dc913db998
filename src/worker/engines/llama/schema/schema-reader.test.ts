import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, test } from 'vitest';
import { GbnfSampler } from './fixtures/gbnf-sampler.ts';
import { ofPydantic, ofZod } from './fixtures/schemas.ts';
import { ofOthers, ofTools } from './fixtures/tool-schemas.ts';
import { GbnfWriter } from './gbnf-writer.ts';
import { readSchema } from './schema-reader.ts';

type Json = Record<string, unknown>;

async function grammarOf(schema: unknown, isLoose = false): Promise<string> {
  const writer = new GbnfWriter();
  writer.add('root', writer.rule((await readSchema(schema, { at: 'json_schema', isLoose })).shape));
  return writer.grammar();
}

function validatorOf(schema: Json): (value: unknown) => boolean {
  const isOld = JSON.stringify(schema).includes('draft-07') || Array.isArray((schema['properties'] as Json | undefined)?.['a']);
  const ajv = new (isOld || hasOldTuple(schema) ? Ajv : Ajv2020)({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addFormat('int32', { type: 'number', validate: (value) => Math.abs(value + 0.5) < 2 ** 31 });
  const { $schema: _, ...rest } = schema;
  const validate = ajv.compile<unknown>(rest);
  return (value) => validate(value);
}

function hasOldTuple(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  return Array.isArray((schema as Json)['items']) || Object.values(schema).some(hasOldTuple);
}

/** The same numbers in every run: a linear congruential generator, as in Numerical Recipes. */
function randomNumbers(): () => number {
  let state = 1;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

const samples = 25;

const everyday = { ...ofZod, ...ofPydantic, ...ofTools, ...ofOthers };

test.each(Object.entries(everyday))('what the grammar of %s admits is valid', async (_, { schema, valid = [], invalid = [] }) => {
  const isValid = validatorOf(schema);
  for (const value of valid) expect(isValid(value), `${JSON.stringify(value)} is valid`).toBe(true);
  for (const value of invalid) expect(isValid(value), `${JSON.stringify(value)} is invalid`).toBe(false);
  const sampler = new GbnfSampler(await grammarOf(schema), randomNumbers());
  for (let count = 0; count < samples; count++) {
    const text = sampler.text();
    expect(isValid(JSON.parse(text)), text).toBe(true);
  }
});

const many = (count: number, of: (at: number) => unknown) => Array.from({ length: count }, (_, at) => of(at));
const fields = (count: number, of: (at: number) => unknown) =>
  Object.fromEntries(many(count, (at) => [`p${String(at)}`, of(at)]) as [string, unknown][]);

test.each([
  [{ type: 'text' }, 'json_schema.type: cannot be "text".'],
  [
    { type: 'object', properties: { age: { type: 'number', multipleOf: 0.1 } } },
    'json_schema.properties.age.multipleOf: cannot be held',
  ],
  [{ type: 'object', properties: { a: null } }, 'json_schema.properties.a: must be an object.'],
  [{ type: 'array', items: { type: 'string' }, minItems: 4, maxItems: 2 }, 'json_schema: allows no value'],
  [{ type: 'string', minLength: 1.5 }, 'json_schema.minLength: must be a whole number.'],
  [{ type: 'array', uniqueItems: true }, 'json_schema.uniqueItems: cannot be held'],
  [{ enum: [] }, 'json_schema.enum: must be a list with at least one entry.'],
  [{ $ref: '#/$defs/missing' }, 'json_schema.$ref: must point into the schema itself'],
  [{ $ref: 'https://schemas.example/x' }, 'json_schema.$ref: must point into the schema itself'],
  [{ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, 'refers to itself endlessly'],
  [{ type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, 'refers to itself endlessly'],
  [{ allOf: [{ type: 'string' }, { type: 'number' }] }, 'json_schema: allows no value'],
  [{ type: 'object', properties: { a: { type: 'string', pattern: '(a)\\1' } } }, 'json_schema.properties.a.pattern: has \\1'],
  [{ type: 'string', pattern: '(a' }, 'json_schema.pattern: is not a regular expression'],
  [{ type: 'string', pattern: '(a|b)*a(a|b){14}' }, 'json_schema.pattern: is too complex'],
  [{ type: 'string', not: { const: 'a' } }, 'json_schema.not: cannot be held'],
  [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 'json_schema.oneOf: has alternatives that may both match'],
  [{ type: 'object', minProperties: 2 }, 'json_schema.minProperties: cannot be held'],
])('%j is refused by its place', async (schema, message) => {
  await expect(readSchema(schema, { at: 'json_schema', isLoose: false })).rejects.toThrowError(
    expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) as string }),
  );
});

test.each([
  ['six thousand alternatives', { anyOf: many(6000, () => ({ type: 'null' })) }],
  ['six thousand options', { enum: many(6000, (at) => at) }],
  ['six thousand properties', { type: 'object', properties: fields(6000, () => ({})) }],
])('a schema of %s is refused', async (_, schema) => {
  await expect(readSchema(schema, { at: 'json_schema', isLoose: true })).rejects.toThrowError('has more than 5000 parts');
});

test('a schema of a thousand levels is refused and does not overflow the stack', async () => {
  let schema: Json = { type: 'string' };
  for (let level = 0; level < 1000; level++) schema = { type: 'array', items: schema };
  await expect(readSchema(schema, { at: 'json_schema', isLoose: false })).rejects.toThrowError('is nested deeper than 64 levels');
});

test('in loose mode, what cannot be held is dropped by its place, and the rest is held', async () => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'string', pattern: '\\bx', minLength: 1 },
      b: { type: 'number', multipleOf: 0.1 },
      c: { type: 'array', items: { type: 'string' }, uniqueItems: true, contains: { const: 'x' } },
      d: { $ref: 'https://schemas.example/x' },
      e: { type: 'money' },
      f: { type: 'string', minLength: -1 },
      g: { not: { type: 'null' } },
    },
    required: ['a'],
    additionalProperties: false,
    if: { properties: { a: { const: 'x' } } },
    then: { required: ['b'] },
  };
  const { dropped, shape } = await readSchema(schema, { at: 'parameters', isLoose: true });
  expect(dropped.sort()).toEqual(
    ['a.pattern', 'b.multipleOf', 'c.contains', 'c.uniqueItems', 'd.$ref', 'e.type', 'f', 'g.not']
      .map((place) => `parameters.properties.${place}`)
      .concat('parameters.if', 'parameters.then')
      .sort(),
  );
  const isValid = validatorOf({
    ...schema,
    if: true,
    properties: {
      ...schema.properties,
      a: { type: 'string', minLength: 1 },
      b: { type: 'number' },
      c: { type: 'array', items: { type: 'string' } },
      d: {},
      e: {},
      f: {},
    },
    then: true,
  });
  const writer = new GbnfWriter();
  writer.add('root', writer.rule(shape));
  const sampler = new GbnfSampler(writer.grammar(), randomNumbers());
  for (let count = 0; count < samples; count++) {
    const text = sampler.text().replace('"g":null', '"g":0').replace('"g": null', '"g": 0');
    expect(isValid(JSON.parse(text)), text).toBe(true);
  }
});
