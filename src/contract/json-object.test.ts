import { describe, expect, test } from 'vitest';
import { jsonObject } from './json-object.ts';

const parse = (text: string) => jsonObject.safeParse(JSON.parse(text));

test.each(['{}', '{"a":[1,-2.5e3,"x",true,null,{"b":{}}]}', '{"constructor":{"prototype":[]}}'])('%s is JSON', (text) => {
  expect(parse(text)).toEqual({ success: true, data: JSON.parse(text) as unknown });
});

describe.each([
  ['a number that is too large', '{"a":[[1e999]]}'],
  ['a key __proto__', '{"a":{"__proto__":{"polluted":true}}}'],
])('%s', (_what, text) => {
  test('is refused', () => expect(parse(text).error?.issues).toHaveLength(1));
});

test.each(['[]', '"x"', 'null'])('%s is no object', (text) => {
  expect(parse(text).success).toBe(false);
});

test.each([
  `{"a":[${'1e999,'.repeat(100_000)}1]}`,
  `{"a":1e999${Array.from({ length: 100_000 }, (_, key) => `,"k${key}":1e999`).join('')}}`,
])('many wrong values are one issue', (text) => {
  expect(parse(text).error?.issues).toHaveLength(1);
});
