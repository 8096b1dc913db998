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

/** No sentence of ours is longer, whatever it was asked. */
const REFUSAL_CHARS = 8_000;

/** That a refusal is one of ours, with the status of its code. Told of fifty thousand answers: an `expect` costs fifty µs. */
export function refusalCode(status: number, text: string): ErrorCode {
  const shown = `${status} ${text.slice(0, 300)}`;
  assert(text.length < REFUSAL_CHARS, shown);
  const { code } = refusal.parse(JSON.parse(text)).error;
  if (!isErrorCode(code)) throw new Error(`'${code}' is no code of ours: ${shown}`);
  assert.equal(status, errorCodes[code].status, shown);
  return code;
}
