import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultOfGrammar } from './gbnf-cost.ts';
import { tinyModel } from './fixtures/gguf.ts';
import { loadVocabulary } from './fixtures/model.ts';
import { answerGrammar } from './answer-grammar.ts';
import { compile, jsonShapeOf } from './json-grammar.ts';

type Json = Record<string, unknown>;
const text = { type: 'string' };
const object = (properties: Json, required = Object.keys(properties)): Json => ({ type: 'object', properties, required });

let tiny: Awaited<ReturnType<typeof loadVocabulary>>;

beforeAll(async () => {
  tiny = await loadVocabulary(tinyModel);
});

afterAll(async () => {
  await tiny.model.dispose();
  await tiny.llama.dispose();
});

async function grammarOf(schema: Json): Promise<unknown> {
  const { shape } = await jsonShapeOf({ schema, isLoose: false }, tiny.model);
  return compile(answerGrammar({ json: shape }), tiny.model, 'json_schema');
}

/** So many definitions, each made of the next. */
function chain(length: number, made: (next: Json) => Json): Json {
  const names = Array.from({ length }, (_, index) => `d${String(index)}`);
  const $defs = Object.fromEntries(names.map((name, index) => [name, made({ $ref: `#/$defs/d${String(index + 1)}` })]));
  return { $ref: '#/$defs/d0', $defs: { ...$defs, [`d${String(length)}`]: { const: 'x' } } };
}

test.each([
  ['a hundred properties', object(Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`p${String(at)}`, text])))],
  ['a choice of five hundred', { enum: Array.from({ length: 500 }, (_, at) => `option ${String(at)}`) }],
  ['fifty definitions in each other', chain(50, (next) => object({ next, also: text }))],
  ['names with every kind of sign', object({ 'a"\\\n\t\u0001\u2028ü🐝': { const: 'x\\y"\u0007' } })],
  [
    'lengths and numbers of items',
    object({ a: { type: 'string', maxLength: 600 }, b: { type: 'array', items: text, minItems: 3, maxItems: 500 } }),
  ],
  ['forty definitions, each twice this or that of the next', chain(40, (next) => ({ anyOf: [next, next] }))],
  ['a thousand definitions of two thousand parts', chain(1000, (next) => object({ next, also: text }))],
  ['more characters than llama.cpp counts', { type: 'string', minLength: 1999, maxLength: 100_000 }],
  ['a null character', object({ 'a\0b': text })],
  [
    'three hundred optional properties',
    object(Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`p${String(at)}`, text])), []),
  ],
  ['dates', object({ a: { type: 'string', format: 'date-time' }, b: { type: 'string', format: 'time' } })],
])('a schema of %s becomes a grammar', async (_, schema) => {
  await expect(grammarOf(schema)).resolves.toBeDefined();
});

test.each([
  [
    'alternatives in each other that differ at their end',
    chain(40, (a) => ({ anyOf: [object({ a, b: { const: 1 } }), object({ a, b: { const: 2 } })] })),
    'alternatives open',
  ],
  [
    'a chain of definitions of which each may be left out before the next',
    object(Object.fromEntries(Array.from({ length: 800 }, (_, at) => [`p${String(at)}`, text])), []),
    'chain of definitions that is too long',
  ],
  [
    'long names',
    object(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`${'p'.repeat(500)}${String(at)}`, text]))),
    'too large for a grammar',
  ],
  [
    'a thousand different lengths',
    object(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${String(at)}`, { type: 'string', maxLength: at }]))),
    'too large for a grammar',
  ],
  ['nothing but itself', { $ref: '#/$defs/d', $defs: { d: { $ref: '#/$defs/d' } } }, 'refers to itself'],
])('a schema of %s is refused before llama.cpp sees it', async (_, schema, message) => {
  await expect(grammarOf(schema)).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringMatching(new RegExp(`^json_schema.*${message}`)) as string,
  });
});

/** llama.cpp writes a grammar that it does not read to stderr, whole: these are short. */
test.each([
  'root ::= "a"{1999}',
  'root ::= "a"{2000}',
  'root ::= ("a" | "b"){999}',
  'root ::= ("a" | "b"){0,1999}',
  'root ::= ("a" | "b"){0,2001}',
  'root ::= ("a" b){700}\nb ::= "b"',
  'root ::= ("a" b){999}\nb ::= "b"',
  'root ::= ("a" b){1000}\nb ::= "b"',
  'root ::= a ("a" a){1000}\na ::= "a"',
  'root ::= ("a"{40}){40}',
  'root ::= a "b"',
  'root ::= a "b"\na ::= a "c" | "d"',
  'root ::= a "b"\na ::= ("x")? a | "d"',
  'root ::= [a-z\\]"]+ "\\"" ( "x" )*',
])('whether %j is read is known beforehand', async (gbnf) => {
  const isRead = await tiny.llama.createGrammar({ grammar: gbnf }).then(
    () => true,
    () => false,
  );
  expect(faultOfGrammar(gbnf) === undefined).toBe(isRead);
});
