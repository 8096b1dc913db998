import { expect, test } from 'vitest';
import * as z from 'zod';
import { chatRequest } from '../openai/chat/chat-request.ts';
import { listOf } from './list-of.ts';
import { parseBody } from './parse-body.ts';
import { RequestError } from './request-error.ts';

const message = z.looseObject({ content: z.union([z.string(), listOf(z.looseObject({ type: z.string() }))]) });
const body = z.looseObject({ messages: listOf(message, { min: 1 }).nullish() });

function refusal(text: string): string {
  try {
    parseBody(body, text);
    return 'accepted';
  } catch (cause) {
    if (cause instanceof RequestError) return cause.message;
    throw cause;
  }
}

test('a list has its items as they are parsed', () => {
  const fields = { messages: [{ content: 'a' }, { content: [{ type: 'text', text: 'b' }] }] };
  expect(parseBody(body, JSON.stringify(fields))).toEqual(fields);
  expect(parseBody(body, '{"messages":null}')).toEqual({ messages: null });
});

test.each([
  ['{"messages":{}}', /^messages: .*expected array/],
  ['{"messages":[]}', /^messages: /],
  ['{"messages":[{"content":"a"},{}]}', /^messages\[1\]\.content: /],
  [
    '{"messages":[{"content":"a"},{"content":[{"type":"text"},{"type":1}]}]}',
    /^messages\[1\]\.content\[1\]\.type: .*expected string/,
  ],
])('of %s the first wrong place is named', (text, message) => {
  expect(refusal(text)).toMatch(message);
});

test('a list of many wrong items has one issue', () => {
  const issues = (schema: z.ZodType, items: unknown[]) => schema.safeParse(items).error?.issues;
  expect(
    issues(
      listOf(z.int()),
      Array.from({ length: 1_000 }, () => 'x'),
    ),
  ).toMatchObject([{ path: [0] }]);
  expect(
    issues(
      z.union([listOf(z.int()), listOf(z.string())]),
      Array.from({ length: 1_000 }, () => ({})),
    ),
  ).toMatchObject([{ code: 'invalid_union', errors: [[{ path: [0] }], [{ path: [0] }]] }]);
});

test('biases of too many tokens are refused before each is looked at', () => {
  const logit_bias = Object.fromEntries(Array.from({ length: 100_001 }, (_, token) => [token, 'x']));
  const { error } = chatRequest.safeParse({ model: 'tiny', messages: [{ role: 'user', content: 'hi' }], logit_bias });
  expect(error?.issues).toMatchObject([{ path: ['logit_bias'], message: 'must have at most 100000 tokens' }]);
});
