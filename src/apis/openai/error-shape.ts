import { tokensOfTooLong, type JobError } from '../../contract/index.ts';
import { kindOf, paramOf, RequestError, sentenceOf, statusOf, type ErrorKind, type ErrorShape } from '../common/index.ts';

interface Row {
  type: string;
  code?: string;
}

const invalid = 'invalid_request_error';

const rows: Record<ErrorKind, Row> = {
  invalid: { type: invalid },
  prompt_too_long: { type: invalid, code: 'context_length_exceeded' },
  model_not_found: { type: invalid, code: 'model_not_found' },
  not_found: { type: invalid },
  unauthorized: { type: invalid, code: 'invalid_api_key' },
  forbidden: { type: 'permission_error' },
  body_too_large: { type: invalid },
  media_type: { type: invalid },
  busy: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  overloaded: { type: 'server_error' },
  cancelled: { type: invalid, code: 'cancelled' },
  failed: { type: 'server_error' },
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
  status: statusOf(error),
  body: { error: openAiError(error) },
});

/** Agents shorten their conversation when they read this sentence, or its code. */
function messageOf(error: JobError, kind: ErrorKind): string {
  const sizes = kind === 'prompt_too_long' ? tokensOfTooLong(error) : undefined;
  if (sizes === undefined) return sentenceOf(error);
  return `This model's maximum context length is ${sizes.contextSize} tokens, and your messages have ${sizes.tokens}.`;
}
