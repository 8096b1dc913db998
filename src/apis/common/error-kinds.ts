import { errorCodes, type ErrorCode, type JobError } from '../../contract/index.ts';

/** What an error means to the clients of an API. Each API has a name for each. */
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

/** A kind follows from the exit code, except for these codes. */
const ofCode: Partial<Record<ErrorCode, ErrorKind>> = {
  prompt_too_long: 'prompt_too_long',
  model_not_found: 'model_not_found',
  unauthorized: 'unauthorized',
  forbidden_origin: 'forbidden',
  body_too_large: 'body_too_large',
  unsupported_media_type: 'media_type',
  worker_busy: 'busy',
  too_many_jobs: 'busy',
  hive_unreachable: 'overloaded',
  hive_stopped: 'overloaded',
};

/** Of every other exit code: 'failed'. */
const ofExit: Partial<Record<number, ErrorKind>> = { 2: 'invalid', 3: 'not_found', 5: 'overloaded', 130: 'cancelled' };

export function kindOf({ code }: JobError): ErrorKind {
  return ofCode[code] ?? ofExit[errorCodes[code].exit] ?? 'failed';
}

const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  prompt_too_long: 400,
  model_not_found: 404,
  not_found: 404,
  unauthorized: 401,
  forbidden: 403,
  body_too_large: 413,
  media_type: 415,
  busy: 429,
  overloaded: 503,
  // The client, or a person, ended it: clients repeat what fails with 5xx or 409.
  cancelled: 499,
  failed: 500,
};

/** @param own statuses that only this API has */
export function statusOf(error: JobError, own: Partial<Record<ErrorKind, number>> = {}): number {
  const kind = kindOf(error);
  return own[kind] ?? statuses[kind];
}

const RETRY_AFTER_MS = { busy: 1_000, other: 3_000 };

/** Clients retry 429 and 5xx on their own; these headers say whether that can help, and when. */
export function retryHeaders(error: JobError): Record<string, string> {
  if (!error.retryable) return { 'x-should-retry': 'false' };
  const afterMs = RETRY_AFTER_MS[kindOf(error) === 'busy' ? 'busy' : 'other'];
  return { 'x-should-retry': 'true', 'retry-after-ms': String(afterMs), 'retry-after': String(afterMs / 1_000) };
}
