import { JobError } from '../../contract/index.ts';
import type { FieldNames } from './answer.ts';

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
  const [, name, rest = ''] = OF_FIELDS.has(error.code) ? (FIELD.exec(error.message) ?? []) : [];
  return name === undefined ? undefined : name + rest;
}

/** An error of an operation, about a field as the client has written it. */
export function withOwnName(error: JobError, names: FieldNames): JobError {
  const [, name = ''] = OF_FIELDS.has(error.code) ? (FIELD.exec(error.message) ?? []) : [];
  const own = Object.hasOwn(names, name) ? names[name] : undefined;
  if (own === undefined) return error;
  const { code, origin, hint, message } = error;
  return new JobError(code, own + message.slice(name.length), {
    cause: error,
    ...(origin === undefined ? {} : { origin }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** `stop[0]: `, `json_schema.properties.a: ` */
const FIELD = /^([a-z_]+)((?:[.[][^:]*)?): /;
const OF_FIELDS: ReadonlySet<string> = new Set(['invalid_input', 'prompt_too_long']);
