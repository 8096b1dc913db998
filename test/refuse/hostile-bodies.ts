import fc from 'fast-check';
import * as z from 'zod';
import { operations, workerHeartbeat, type OperationName } from '../../src/contract/index.ts';

/** The fields of a body in their order, each with the text of its value: so it may have a key twice, or a value that is no JSON. */
type Fields = [key: string, text: string][];
type Change = (fields: Fields) => Fields;

/** What a contract says of a value, as far as a value like it needs it. */
interface Shape {
  type?: string;
  enum?: unknown[];
  anyOf?: Shape[];
  items?: Shape;
  properties?: Record<string, Shape>;
  required?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
}

/** Bodies of POST /v1/jobs: nearly right ones of every operation, wrong ones, and bytes that are no JSON at all. */
export function hostileBodies(names: readonly OperationName[]): fc.Arbitrary<Buffer> {
  const fields = names.map((name) =>
    likeFields(shapeOf(operations[name].input)).map((given): Fields => [['operation', JSON.stringify(name)], ...given]),
  );
  return hostile(fc.oneof(...fields));
}

/** Bodies of POST /v1/worker-heartbeat. */
export function hostileHeartbeats(): fc.Arbitrary<Buffer> {
  return hostile(likeFields(shapeOf(workerHeartbeat)));
}

function hostile(fields: fc.Arbitrary<Fields>): fc.Arbitrary<Buffer> {
  const text = fc
    .tuple(fields, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([given, changes]) => Buffer.from(textOf(changes.reduce((changed, apply) => apply(changed), given))));
  return fc.oneof(
    { weight: 6, arbitrary: text },
    {
      weight: 2,
      arbitrary: fc.tuple(text, fc.array(cut, { minLength: 1, maxLength: 3 })).map(([bytes, cuts]) => applyCuts(bytes, cuts)),
    },
    {
      weight: 1,
      arbitrary: fc.oneof(fc.json({ maxDepth: 2 }), fc.string({ unit: 'binary' }), rawValue).map((body) => Buffer.from(body)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  );
}

function textOf(fields: Fields): string {
  return `{${fields.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}

function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape;
}

function likeFields({ properties = {}, required = [] }: Shape): fc.Arbitrary<Fields> {
  const values = Object.fromEntries(Object.entries(properties).map(([name, shape]) => [name, like(shape)]));
  return fc
    .record(values, { requiredKeys: required })
    .map((record) => Object.entries(record).map(([key, value]) => [key, JSON.stringify(value)]));
}

function like(shape: Shape): fc.Arbitrary<unknown> {
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  if (shape.anyOf !== undefined) return fc.oneof(...shape.anyOf.map(like));
  switch (shape.type) {
    case 'string':
      return likeString(shape);
    case 'integer':
      return fc.integer({ min: Math.max(shape.minimum ?? 0, -(2 ** 31)), max: Math.min(shape.maximum ?? 100, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min: shape.minimum ?? 0, max: shape.maximum ?? 1, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(like(shape.items ?? {}), { minLength: shape.minItems ?? 0, maxLength: 3 });
    case 'object':
      return shape.properties === undefined
        ? fc.dictionary(fc.string(), plainValue, { maxKeys: 3 })
        : fc.record(Object.fromEntries(Object.entries(shape.properties).map(([name, part]) => [name, like(part)])));
    default:
      return plainValue;
  }
}

function likeString({ pattern, minLength = 0, maxLength = 12 }: Shape): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { size: 'xsmall' });
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 12)) });
}

const plainValue = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.integer(), { maxLength: 3 }),
);

/** Values that other programs have stumbled over. */
const oddString = fc.constantFrom(
  ...['', ' ', '\0', '\ud800', '\udfff\ud800', '\u202e', '\ufeff', 'ﷺ'.repeat(20), '🐝'.repeat(70), 'a'.repeat(5_000)],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'undefined', 'NaN', 'null', 'localhost'],
  ...[
    '../../etc/passwd',
    '..\\..\\windows',
    '/dev/zero',
    'file:///etc/passwd',
    '%00',
    '%2e%2e%2f',
    '~',
    'con',
    '.',
    '..',
    '-rf',
    '--help',
  ],
  ...['$(reboot)', '`reboot`', '; reboot', '| reboot', "' OR 1=1 --", '"; DROP TABLE jobs; --', '${7*7}', '{{7*7}}', '<script>'],
  ...['a\r\nSet-Cookie: b=c', 'data: [DONE]\n\n', '\x1b[2J', '\x07'],
);
const oddNumber = fc.constantFrom(
  0,
  -0,
  -1,
  0.5,
  1e308,
  5e-324,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  Number.MAX_VALUE,
);
const oddShape = fc.constantFrom<unknown>(
  null,
  true,
  false,
  [],
  {},
  [[]],
  [[[[[[]]]]]],
  [null],
  [{}],
  { a: { b: { c: [] } } },
  { length: 1 },
  [1, 'a', null],
);
/** JSON that no JSON.stringify writes, and what only looks like JSON. */
const rawValue = fc.constantFrom(
  ...['1e999', '-1e999', '1e-999', '9'.repeat(400), `0.${'0'.repeat(400)}1`, '-0', '1E+2'],
  ...['01', '.5', '1.', '+1', '0x10', 'NaN', 'Infinity', '-', 'undefined', 'nul', 'True', '', ' ', '\0', '1_000', '1n'],
  ...[
    '"\\ud800"',
    '"\\u12"',
    '"\\x41"',
    '"\t"',
    '"\n"',
    "'a'",
    '"',
    '"a',
    '\\',
    '/**/1',
    '1//',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    '[',
    '}',
    ']',
    ',',
    ':',
  ],
  ...[
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"a":1,"a":2}',
    '{"toJSON":1}',
    '{"then":1}',
  ],
  ...[
    '['.repeat(199) + ']'.repeat(199),
    '['.repeat(300) + ']'.repeat(300),
    '{"a":'.repeat(250) + '1' + '}'.repeat(250),
    '['.repeat(5_000),
  ],
  ...[`[${'1,'.repeat(3_000)}1]`, `[${'{},'.repeat(500)}{}]`, `[${'null,'.repeat(500)}null]`],
);
const oddText = fc.oneof(
  fc.oneof(oddString, oddNumber, oddShape, plainValue).map((value) => JSON.stringify(value)),
  rawValue,
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => JSON.stringify(text)),
);
const oddKey = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'id',
    'alias',
    'operation',
    'on_disconnect',
    'hive_id',
    'Operation',
  ),
  oddString,
  fc.string({ maxLength: 10 }),
);

const place = fc.nat(1_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(place, oddText).map(
      ([at, text]): Change =>
        (fields) =>
          replaced(fields, at, ([key]) => [[key, text]]),
    ),
  },
  {
    weight: 2,
    arbitrary: place.map(
      (at): Change =>
        (fields) =>
          replaced(fields, at, () => []),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(oddKey, oddText).map(([key, text]): Change => (fields) => [...fields, [key, text]]) },
  {
    weight: 1,
    arbitrary: fc.tuple(place, oddKey).map(
      ([at, key]): Change =>
        (fields) =>
          replaced(fields, at, ([, text]) => [[key, text]]),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, oddText).map(
      ([at, text]): Change =>
        (fields) =>
          replaced(fields, at, (field) => [field, [field[0], text]]),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Change>((fields) => fields.toReversed()) },
);

function replaced(fields: Fields, at: number, by: (field: Fields[number]) => Fields): Fields {
  if (fields.length === 0) return fields;
  const index = at % fields.length;
  return fields.flatMap((field, each) => (each === index ? by(field) : [field]));
}

/** Some bytes at a place taken out and others put in. */
interface Cut {
  at: number;
  out: number;
  put: Buffer;
}

const brokenUtf8 = [
  [0xff],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x90],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb, 0xbf],
  [0x00],
  [0x80],
];
const cut: fc.Arbitrary<Cut> = fc.record({
  at: fc.nat(10_000),
  out: fc.oneof(fc.nat(3), fc.constant(10_000)),
  put: fc.oneof(
    fc.constantFrom(...brokenUtf8).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '\0', '\n', ' ').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  ),
});

function applyCuts(bytes: Buffer, cuts: readonly Cut[]): Buffer {
  return cuts.reduce((left, { at, out, put }) => {
    const start = at % (left.length + 1);
    return Buffer.concat([left.subarray(0, start), put, left.subarray(start + out)]);
  }, bytes);
}
