import type { JobError } from '../../contract/index.ts';
import { sentenceOf, statusOf, type ErrorShape } from '../common/index.ts';

export const ollamaErrors: ErrorShape = (error) => ({
  status: statusOf(error, { busy: 503 }),
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
