import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainTokenText } from './plain-token.ts';

test('the text of a plain token is passed as the JSON that it is', () => {
  expect(plainTokenText('{"text":" bee"}')).toBe('" bee"');
  expect(plainTokenText('{"text":""}')).toBe('""');
  expect(plainTokenText(String.raw`{"text":"\\"}`)).toBe(String.raw`"\\"`);
});

test('a token with another field, with a quote or with white space between its values is parsed', () => {
  expect(plainTokenText('{"text":"a","logprobs":[]}')).toBeUndefined();
  expect(plainTokenText('{"logprobs":[],"text":"a"}')).toBeUndefined();
  expect(plainTokenText('{ "text":"a"}')).toBeUndefined();
  expect(plainTokenText('{"text":"a" }')).toBeUndefined();
  expect(plainTokenText(String.raw`{"text":"\"}"}`)).toBeUndefined();
});

test('whatever a token is, its plain text is its text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(null, [], 1, 'x'), (text, logprobs) => {
      const data = logprobs === null ? { text } : { text, logprobs };
      const plain = plainTokenText(JSON.stringify(data));
      expect(plain === undefined || (logprobs === null && JSON.parse(plain) === text)).toBe(true);
      if (logprobs === null && !text.includes('"')) expect(plain).toBeDefined();
    }),
  );
});
