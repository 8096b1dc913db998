import * as z from 'zod';

/** A value of JSON.parse. */
const json = z.unknown() as z.ZodType<z.core.util.JSONType>;

/**
 * A JSON object. It is checked as a whole: `z.json()` compares each value with six alternatives, and a request may have a million values. That
 * takes 10 µs and 2 KB for each value that fits none of them.
 */
export const jsonObject = z
  .record(z.string(), json)
  .refine(isJson, { error: 'must be JSON, with finite numbers and without a key __proto__' });

function isJson(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      return value === null || (!Object.hasOwn(value, '__proto__') && Object.values(value).every(isJson));
    default:
      return false;
  }
}
