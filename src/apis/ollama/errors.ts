import { errorCodes, JobError, type ErrorCode, type WireError } from '../../contract/index.ts';

/** Ollama has no words for a client that must wait, other than: not now. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'worker_busy',
  'too_many_jobs',
  'no_room',
  'shutting_down',
  'interrupted',
  'deadline_exceeded',
]);

/** The status of an answer, and its `error`: a string, which clients show as it is. @param model as the client named it */
export function ollamaError(error: JobError | WireError, model?: string): { status: number; error: string } {
  const { code, message } = error;
  const status = statusOf(code);
  // Clients look for 'not found', and then offer to download the model.
  if (code === 'model_not_found' && model !== undefined) return { status, error: `model '${model}' not found. ${message}` };
  const hint = error instanceof JobError && error.hint !== undefined ? error.hint : errorCodes[code].hint;
  return { status, error: hint === '' || status < 500 ? message : `${message} ${hint}` };
}

function statusOf(code: ErrorCode): number {
  if (NOT_NOW.has(code)) return 503;
  const { status } = errorCodes[code];
  if (code === 'model_corrupt' || status >= 500) return 500;
  return status === 409 || status === 422 ? 400 : status;
}
