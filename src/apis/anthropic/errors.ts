import { tokensOfTooLong, type JobError } from '../../contract/index.ts';
import { kindOf, RequestError, sentenceOf, type ErrorKind, type ErrorShape } from '../common/index.ts';

const rows: Record<ErrorKind, { status: number; type: string }> = {
  invalid: { status: 400, type: 'invalid_request_error' },
  prompt_too_long: { status: 400, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'not_found_error' },
  not_found: { status: 404, type: 'not_found_error' },
  unauthorized: { status: 401, type: 'authentication_error' },
  forbidden: { status: 403, type: 'permission_error' },
  body_too_large: { status: 413, type: 'request_too_large' },
  media_type: { status: 400, type: 'invalid_request_error' },
  busy: { status: 429, type: 'rate_limit_error' },
  overloaded: { status: 529, type: 'overloaded_error' },
  // The client, or a person, ended it: clients repeat what fails with 5xx or 409.
  cancelled: { status: 499, type: 'invalid_request_error' },
  failed: { status: 500, type: 'api_error' },
};

export const anthropicErrors: ErrorShape = (error, { requestId }) => ({
  status: rows[kindOf(error)].status,
  body: anthropicErrorBody(error, requestId),
});

/** The body of an error answer, and the data of an `error` event. */
export function anthropicErrorBody(error: JobError, requestId: string): object {
  const { type } = rows[kindOf(error)];
  const details = error instanceof RequestError ? error.details : {};
  return { type: 'error', error: { type, message: messageOf(error), rbee_code: error.code, ...details }, request_id: requestId };
}

/** Claude Code looks for 'prompt is too long', and then shortens the conversation. */
function messageOf(error: JobError): string {
  if (error.code !== 'prompt_too_long') return sentenceOf(error);
  const sizes = tokensOfTooLong(error);
  return `prompt is too long: ${sizes === undefined ? error.message : `${sizes.tokens} tokens > ${sizes.contextSize} maximum`}`;
}
