import type { IncomingMessage } from 'node:http';
import { errorCodes, JobError } from '../../contract/index.ts';
import type { ErrorAnswer } from '../../jobs/index.ts';
import { kindOf, retryHeaders } from './error-kinds.ts';
import { idHeaders, idsOf, type RequestIds } from './request-ids.ts';

/** How an API says that a request failed. */
export type ErrorShape = (error: JobError, ids: RequestIds) => { status: number; body: object };

/** The error answers of an API: its own shape, with the headers that all of them have. */
export function errorAnswers(shape: ErrorShape): (error: JobError, request: IncomingMessage) => ErrorAnswer {
  return (error, request) => {
    const ids = idsOf(request);
    const { status, body } = shape(withMeant(error, request), ids);
    return { status, body, headers: { ...idHeaders(ids), ...retryHeaders(error) } };
  };
}

/** The message for a person: with what to do, where the message does not say that itself. */
export function sentenceOf(error: JobError): string {
  const hint = error.hint ?? (HINTLESS.has(kindOf(error)) ? '' : errorCodes[error.code].hint);
  if (hint === '') return error.message;
  return `${error.message}${/[.!?]$/.test(error.message) ? '' : '.'} ${hint}`;
}

/** Their table's hint is about rbee's own protocol. */
const HINTLESS: ReadonlySet<string> = new Set(['invalid', 'not_found', 'cancelled']);

/** A base URL that already ends with /v1 is often given to a client that adds it. */
function withMeant(error: JobError, { url = '' }: IncomingMessage): JobError {
  if (error.code !== 'not_found' || !/^\/(?:v1|api)\/(?:v1|api)\//.test(url)) return error;
  const meant = url.slice(url.indexOf('/', 1)).slice(0, 200);
  return new JobError('not_found', `${error.message}. Did you mean ${meant}? The base URL has its prefix twice`, {
    cause: error,
  });
}
