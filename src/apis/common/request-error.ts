import { JobError } from '../../contract/index.ts';

/** A request that an API refuses because of one of its fields. */
export class RequestError extends JobError {
  /** The field, as the client wrote it: `messages[2].content`. */
  readonly param: string;
  /** Goes into the API's error object as it is. */
  readonly details: Record<string, unknown> | undefined;

  constructor(param: string, problem: string, details?: Record<string, unknown>) {
    super('invalid_input', param === '' ? problem : `${param}: ${problem}`, { hint: '' });
    this.param = param;
    this.details = details;
  }
}

/** The field that an error is about, where that is known: handlers name it first in their message. */
export function paramOf(error: JobError): string | undefined {
  if (error instanceof RequestError) return error.param === '' ? undefined : error.param;
  return error.code === 'invalid_input' ? /^([a-z_]+(?:\[\d+\]|\.[a-z_]+)*): /.exec(error.message)?.[1] : undefined;
}
