import { JobError } from '../../contract/index.ts';
import { NESTING_LIMIT, shapeOf } from '../client/json-shape.ts';
import { BODY_LIMITS } from '../limits.ts';

/**
 * The body of a request, as the JSON object that it must be. Its nesting and its number of values are bounded.
 * @param body the text of the body; anything else counts as an empty body
 * @throws JobError invalid_json; invalid_input for too many values
 */
export function parseJsonObject(body: unknown, valuesLimit = BODY_LIMITS.values): Record<string, unknown> {
  const text = typeof body === 'string' ? body : '';
  const { depth, values } = shapeOf(text);
  if (depth > NESTING_LIMIT) throw new JobError('invalid_json', `The body is nested more than ${NESTING_LIMIT} levels deep`);
  if (values > valuesLimit) throw new JobError('invalid_input', `The body has more than ${valuesLimit} values`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JobError('invalid_json', `The body is not JSON: ${reason}`, { cause });
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new JobError('invalid_json', 'The body must be a JSON object');
}
