import type { ErrorCode, JobError } from '../../contract/index.ts';

/** What an error means to the clients of an API. Each API has a status and a name for each. */
export type ErrorKind =
  | 'invalid'
  | 'prompt_too_long'
  | 'model_not_found'
  | 'not_found'
  | 'unauthorized'
  | 'forbidden'
  | 'body_too_large'
  | 'media_type'
  /** Too many requests now. */
  | 'busy'
  /** The fleet cannot serve it now. */
  | 'overloaded'
  | 'cancelled'
  /** It failed, and that is not the fault of the request. */
  | 'failed';

/** Of every other code: 'failed'. */
const kinds: Partial<Record<ErrorCode, ErrorKind>> = {
  invalid_json: 'invalid',
  bad_request: 'invalid',
  missing_operation: 'invalid',
  unknown_operation: 'invalid',
  operation_not_supported: 'invalid',
  invalid_input: 'invalid',
  idempotency_mismatch: 'invalid',
  model_exists: 'invalid',
  model_in_use: 'invalid',
  model_protected: 'invalid',
  job_already_ended: 'invalid',
  prompt_too_long: 'prompt_too_long',
  model_not_found: 'model_not_found',
  not_found: 'not_found',
  job_not_found: 'not_found',
  hive_not_found: 'not_found',
  worker_not_found: 'not_found',
  device_not_found: 'not_found',
  unauthorized: 'unauthorized',
  forbidden_origin: 'forbidden',
  body_too_large: 'body_too_large',
  unsupported_media_type: 'media_type',
  worker_busy: 'busy',
  too_many_jobs: 'busy',
  no_room: 'overloaded',
  shutting_down: 'overloaded',
  interrupted: 'overloaded',
  deadline_exceeded: 'overloaded',
  hive_unreachable: 'overloaded',
  hive_stopped: 'overloaded',
  cancelled: 'cancelled',
};

export function kindOf({ code }: JobError): ErrorKind {
  return kinds[code] ?? 'failed';
}

const RETRY_AFTER_MS = { busy: 1_000, other: 3_000 };

/** Clients retry 429 and 5xx on their own; these headers say whether that can help, and when. */
export function retryHeaders(error: JobError): Record<string, string> {
  if (!error.retryable) return { 'x-should-retry': 'false' };
  const afterMs = RETRY_AFTER_MS[kindOf(error) === 'busy' ? 'busy' : 'other'];
  return { 'x-should-retry': 'true', 'retry-after-ms': String(afterMs), 'retry-after': String(afterMs / 1_000) };
}
