import { tokensOfTooLong, type JobError } from '../../contract/index.ts';
import { kindOf, paramOf, RequestError, sentenceOf, statusOf, type ErrorKind, type ErrorShape } from '../common/index.ts';

const types: Record<ErrorKind, string> = {
  invalid: 'invalid_request_error',
  prompt_too_long: 'invalid_request_error',
  model_not_found: 'not_found_error',
  not_found: 'not_found_error',
  unauthorized: 'authentication_error',
  forbidden: 'permission_error',
  body_too_large: 'request_too_large',
  media_type: 'invalid_request_error',
  busy: 'rate_limit_error',
  overloaded: 'overloaded_error',
  cancelled: 'invalid_request_error',
  failed: 'api_error',
};

export const anthropicErrors: ErrorShape = (error, { requestId }) => ({
  status: statusOf(error, { media_type: 400, overloaded: 529 }),
  body: anthropicErrorBody(error, requestId),
});

/** The body of an error answer, and the data of an `error` event. */
export function anthropicErrorBody(error: JobError, requestId: string): object {
  const details = error instanceof RequestError ? error.details : {};
  return {
    type: 'error',
    error: { type: types[kindOf(error)], message: messageOf(error), rbee_code: error.code, ...details },
    request_id: requestId,
  };
}

/** Claude Code looks for 'prompt is too long', and then shortens the conversation. */
function messageOf(error: JobError): string {
  if (error.code !== 'prompt_too_long') return withDots(sentenceOf(error), paramOf(error) ?? '');
  const sizes = tokensOfTooLong(error);
  return `prompt is too long: ${sizes === undefined ? error.message : `${sizes.tokens} tokens > ${sizes.contextSize} maximum`}`;
}

/** Places are written as Anthropic does: `messages.0.content.1`. */
function withDots(sentence: string, param: string): string {
  return sentence.startsWith(param) ? param.replaceAll(/\[(\d+)\]/g, '.$1') + sentence.slice(param.length) : sentence;
}
