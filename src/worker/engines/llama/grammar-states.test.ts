import { expect, test } from 'vitest';
import { mostStatesOf } from './grammar-states.ts';
import { readSchema } from './schema/schema-reader.ts';

type Json = Record<string, unknown>;
const text = { type: 'string' };
const object = (properties: Json): Json => ({ type: 'object', properties, required: Object.keys(properties) });
const either = (...anyOf: Json[]): Json => ({ anyOf });
const to = (name: string): Json => ({ $ref: `#/$defs/${name}` });
const operation = (name: string): Json => ({ const: name });

async function statesOf(schema: Json): Promise<number> {
  return mostStatesOf((await readSchema(schema, { at: 'json_schema', isLoose: false })).shape, 5_000);
}

/** So many definitions, each made of the next. */
function chain(length: number, made: (next: Json) => Json): Json {
  const names = Array.from({ length }, (_, index) => `d${String(index)}`);
  const $defs = Object.fromEntries(names.map((name, index) => [name, made(to(`d${String(index + 1)}`))]));
  return { ...to('d0'), $defs: { ...$defs, [`d${String(length)}`]: text } };
}

test.each([
  [
    'one object of a thousand properties',
    object(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${String(at)}`, text]))),
    1,
  ],
  ['a choice of five hundred', object({ a: { enum: Array.from({ length: 500 }, (_, at) => at) } }), 500],
  [
    'fifty objects that say first what they are',
    either(...Array.from({ length: 50 }, (_, at) => object({ is: operation(String(at)), a: text, b: text }))),
    50,
  ],
  ['the same, twice, along forty definitions', chain(40, (next) => either(next, next)), 1],
  ['a tree', { ...to('t'), $defs: { t: object({ value: text, children: { type: 'array', items: to('t') } }) } }, 1],
  [
    'an expression that begins with its operation',
    {
      ...to('e'),
      $defs: {
        e: either(
          object({ is: operation('+'), a: to('e'), b: to('e') }),
          object({ is: operation('-'), a: to('e'), b: to('e') }),
          text,
        ),
      },
    },
    3,
  ],
  ['any JSON', { type: 'object', properties: {}, additionalProperties: true }, 6],
  [
    'ten optional properties',
    { type: 'object', properties: Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`p${String(at)}`, text])) },
    10,
  ],
  [
    'two levels of two objects that differ at their end',
    chain(2, (next) => either(object({ a: next, z: operation('1') }), object({ a: next, z: operation('2') }))),
    4,
  ],
])('%s has as many ways open at once as it must', async (_, schema, most) => {
  expect(await statesOf(schema)).toBe(most);
});

test.each([
  [
    'objects in each other that differ at their end',
    chain(40, (next) => either(object({ a: next, z: operation('1') }), object({ a: next, z: operation('2') }))),
  ],
  [
    'an expression that begins with its operand',
    {
      ...to('e'),
      $defs: { e: either(object({ a: to('e'), is: operation('+') }), object({ a: to('e'), is: operation('-') }), text) },
    },
  ],
  [
    'lists of lists of two kinds',
    { ...to('l'), $defs: { l: either({ type: 'array', items: to('l') }, { type: 'array', items: to('l'), minItems: 1 }) } },
  ],
  [
    'the same behind a hundred keys',
    object({ ...Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`p${String(at)}`, text])), last: to('d0') }),
  ],
])('%s have more ways than can be followed', async (name, schema) => {
  const nested = chain(40, (next) => either(object({ a: next, z: operation('1') }), object({ a: next, z: operation('2') })));
  expect(await statesOf(name.startsWith('the same') ? { ...schema, $defs: nested['$defs'] } : schema)).toBe(Infinity);
});
