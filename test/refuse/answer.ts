import assert from 'node:assert/strict';
import * as z from 'zod';
import { actors, errorCodes, isErrorCode, type ErrorCode } from '../../src/contract/index.ts';

/** The body of every refusal. */
const refusal = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string().min(1),
    origin: z.enum(actors),
    retryable: z.boolean(),
    hint: z.string().min(1),
  }),
});

/** Below /v1, where a queen serves OpenAI's API, and has none of these paths. */
const refusalOfOpenAi = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string(),
    param: z.null(),
    code: z.string().nullable(),
    rbee_code: z.string(),
  }),
});

/** No message of rbee is longer, whatever the request contains. */
const REFUSAL_CHARS = 8_000;

/** Checks that a refusal is an rbee error, with the status of its code. For fifty thousand answers: an `expect` costs fifty µs. */
export function refusalCode(status: number, text: string): ErrorCode {
  const shown = `${status} ${text.slice(0, 300)}`;
  assert(text.length < REFUSAL_CHARS, shown);
  const answer = JSON.parse(text) as object;
  const asOpenAi = refusalOfOpenAi.safeParse(answer);
  const code = asOpenAi.success ? asOpenAi.data.error.rbee_code : refusal.parse(answer).error.code;
  if (!isErrorCode(code)) throw new Error(`'${code}' is not an error code: ${shown}`);
  assert.equal(status, errorCodes[code].status, shown);
  return code;
}
