import { expect, test } from 'vitest';
import { inferInput } from './infer.ts';

test.each([
  ['a strict answer without a schema', { strict: true }, 'strict'],
  ['a strict answer with a schema', { strict: true, json_schema: {} }, undefined],
  ['an answer that is not strict', { strict: false }, undefined],
  ['likeliest tokens without log probabilities', { top_logprobs: 3 }, 'top_logprobs'],
  ['likeliest tokens where log probabilities are turned off', { top_logprobs: 3, logprobs: false }, 'top_logprobs'],
  ['none of the likeliest tokens', { top_logprobs: 0 }, undefined],
  ['log probabilities with the likeliest tokens', { top_logprobs: 3, logprobs: true }, undefined],
])('%s: the field that is refused, if any, is named', (_what, fields, refused) => {
  const issues = inferInput.safeParse({ prompt: 'hi', ...fields }).error?.issues ?? [];
  expect(issues.map(({ path }) => path.join('.'))).toEqual(refused === undefined ? [] : [refused]);
});
