import { errorCodes, JobError, type ErrorCode, type WireError } from '../../contract/index.ts';

/** Of the types of Anthropic's API. */
type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'overloaded_error';

const statusOf = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
} as const satisfies Record<ErrorType, number>;

/**
 * SDKs that hold conversations as threads try one first, and send all of the conversation only after exactly this error. Ignored, a thread
 * would get answers that know nothing of its earlier messages.
 */
export class ThreadRefused extends JobError {
  constructor() {
    super('invalid_input', 'thread: threads are not kept here; send the whole conversation', { hint: '' });
  }
}

/** The status and the `error` of an answer. */
export function anthropicError(error: JobError | WireError): { status: number; error: Record<string, unknown> } {
  const { code, message } = error;
  const type = typeOf(code);
  const words = code === 'prompt_too_long' ? tooLongWords(message) : message;
  const details = error instanceof ThreadRefused ? { details: THREAD_DETAILS } : {};
  const hint = error instanceof JobError && error.hint !== undefined ? error.hint : errorCodes[code].hint;
  const whole = hint === '' || statusOf[type] < 500 ? words : `${words} ${hint}`;
  return { status: statusOf[type], error: { type, message: whole, rbee_code: code, ...details } };
}

/** The body of an error answer, and of an `error` event. */
export function anthropicErrorBody(error: JobError | WireError, requestId: string | null): object {
  return { type: 'error', error: anthropicError(error).error, request_id: requestId };
}

const THREAD_DETAILS = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };

function typeOf(code: ErrorCode): ErrorType {
  if (code === 'worker_busy' || code === 'too_many_jobs') return 'rate_limit_error';
  if (OVERLOADED.has(code)) return 'overloaded_error';
  const { status } = errorCodes[code];
  switch (status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 413:
      return 'request_too_large';
    default:
      return status < 500 && code !== 'model_corrupt' ? 'invalid_request_error' : 'api_error';
  }
}

/** The client tries these again, unchanged. */
const OVERLOADED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['no_room', 'shutting_down', 'interrupted', 'deadline_exceeded']);

/** Claude Code looks for these words, and then shortens the conversation. */
function tooLongWords(message: string): string {
  const [tokens, limit] = message.match(/\d+/g) ?? [];
  return tokens === undefined || limit === undefined
    ? `prompt is too long: ${message}`
    : `prompt is too long: ${tokens} tokens > ${limit} maximum`;
}
