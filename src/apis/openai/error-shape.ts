import { tokensOfTooLong, type JobError } from '../../contract/index.ts';
import { kindOf, paramOf, RequestError, sentenceOf, type ErrorKind, type ErrorShape } from '../common/index.ts';

interface Row {
  status: number;
  type: string;
  code?: string;
}

const invalid = 'invalid_request_error';

const rows: Record<ErrorKind, Row> = {
  invalid: { status: 400, type: invalid },
  prompt_too_long: { status: 400, type: invalid, code: 'context_length_exceeded' },
  model_not_found: { status: 404, type: invalid, code: 'model_not_found' },
  not_found: { status: 404, type: invalid },
  unauthorized: { status: 401, type: invalid, code: 'invalid_api_key' },
  forbidden: { status: 403, type: 'permission_error' },
  body_too_large: { status: 413, type: invalid },
  media_type: { status: 415, type: invalid },
  busy: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  overloaded: { status: 503, type: 'server_error' },
  // The client, or a person, ended it: clients repeat what fails with 5xx or 409.
  cancelled: { status: 499, type: invalid, code: 'cancelled' },
  failed: { status: 500, type: 'server_error' },
};

/** The value of `error` in OpenAI's error bodies, with all four keys. */
export function openAiError(error: JobError): Record<string, unknown> {
  const kind = kindOf(error);
  const { type, code = null } = rows[kind];
  return {
    message: messageOf(error, kind),
    type,
    param: paramOf(error) ?? (kind === 'model_not_found' ? 'model' : null),
    code,
    rbee_code: error.code,
    ...(error instanceof RequestError ? error.details : {}),
  };
}

export const openAiErrors: ErrorShape = (error) => ({
  status: rows[kindOf(error)].status,
  body: { error: openAiError(error) },
});

/** Agents shorten their conversation when they read this sentence, or its code. */
function messageOf(error: JobError, kind: ErrorKind): string {
  const sizes = kind === 'prompt_too_long' ? tokensOfTooLong(error) : undefined;
  if (sizes === undefined) return sentenceOf(error);
  return `This model's maximum context length is ${sizes.contextSize} tokens, and your messages have ${sizes.tokens}.`;
}
