import { expect, test } from 'vitest';
import * as z from 'zod';
import { grammarSchemaOf } from './grammar-schema.ts';

test('a schema made by zod is accepted, without its descriptions', () => {
  const schema = z.toJSONSchema(
    z.object({
      name: z.string().describe('Who'),
      age: z.int(),
      tags: z.array(z.enum(['a', 'b'])),
      note: z.union([z.string().max(9), z.null()]),
    }),
  );
  expect(grammarSchemaOf(schema as Record<string, unknown>)).toEqual({
    type: 'object',
    properties: {
      name: { type: 'string' },
      age: { type: 'integer' },
      tags: { type: 'array', items: { enum: ['a', 'b'] } },
      note: { oneOf: [{ type: 'string', maxLength: 9 }, { type: 'null' }] },
    },
    additionalProperties: false,
  });
});

test('definitions may refer to each other and to themselves', () => {
  const tree = { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/$defs/tree' } } } };
  expect(grammarSchemaOf({ $ref: '#/$defs/tree', $defs: { tree } })).toEqual({ $ref: '#/$defs/tree', $defs: { tree } });
});

test.each([
  [{}, 'json_schema has no type; add one, for example "type": "string".'],
  [{ type: 'text' }, 'json_schema.type cannot be "text".'],
  [{ type: 'string', pattern: '^a' }, 'json_schema.pattern cannot be held by a grammar'],
  [
    { type: 'object', properties: { age: { type: 'integer', minimum: 18 } } },
    'json_schema.properties.age.minimum cannot be held',
  ],
  [{ type: 'object', properties: { a: null } }, 'json_schema.properties.a must be an object.'],
  [{ type: 'object', properties: {}, required: ['a'] }, "json_schema.required names 'a', which is not in properties."],
  [{ type: 'array', items: { type: 'string' }, minItems: 4, maxItems: 2 }, 'json_schema.minItems is more than maxItems.'],
  [{ type: 'array', items: { type: 'string' }, minItems: 100_000 }, 'json_schema.minItems can be at most 2000.'],
  [{ type: 'string', minLength: 1.5 }, 'json_schema.minLength must be a whole number.'],
  [{ type: 'string', format: 'email' }, 'json_schema.format cannot be "email"; date-time, time and date can.'],
  [{ enum: [] }, 'json_schema.enum must be a list with at least one entry.'],
  [{ enum: [{ a: 1 }] }, 'json_schema.enum can only be a string, a number, a boolean or null.'],
  [{ $ref: '#/$defs/missing' }, "must point into the schema's own $defs"],
  [{ allOf: [{ type: 'string' }] }, 'json_schema has no type'],
])('%j is refused by name', (schema, message) => {
  expect(() => grammarSchemaOf(schema as Record<string, unknown>)).toThrowError(
    expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) as string }),
  );
});

test.each([
  ['alternatives', { anyOf: Array.from({ length: 6000 }, () => ({ type: 'null' })) }],
  ['options', { enum: Array.from({ length: 6000 }, (_, index) => index) }],
])('more %s than can be tried for every token are refused', (_, schema) => {
  expect(() => grammarSchemaOf(schema)).toThrowError('json_schema has more than 5000 parts. Make it simpler.');
});

test('a schema of a thousand levels is refused and does not overflow the stack', () => {
  let schema: Record<string, unknown> = { type: 'string' };
  for (let level = 0; level < 1000; level++) schema = { type: 'array', items: schema };
  expect(() => grammarSchemaOf(schema)).toThrowError('is nested deeper than 64 levels');
});
