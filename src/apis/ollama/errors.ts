import type { JobError } from '../../contract/index.ts';
import { kindOf, sentenceOf, type ErrorKind, type ErrorShape } from '../common/index.ts';

const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  prompt_too_long: 400,
  model_not_found: 404,
  not_found: 404,
  unauthorized: 401,
  forbidden: 403,
  body_too_large: 413,
  media_type: 415,
  busy: 503,
  overloaded: 503,
  cancelled: 499,
  failed: 500,
};

export const ollamaErrors: ErrorShape = (error) => ({
  status: statuses[kindOf(error)],
  body: ollamaErrorBody(error),
});

/** The error is a string, which clients show as it is. */
export function ollamaErrorBody(error: JobError): { error: string } {
  return { error: error.code === 'model_not_found' ? notFound(error.message) : sentenceOf(error) };
}

/** Clients look for 'not found', and then offer to download the model. */
function notFound(message: string): string {
  const [, model] = /model '([^']{1,256})'/.exec(message) ?? [];
  return model === undefined ? `model not found: ${message}` : `model '${model}' not found. ${message}`;
}
