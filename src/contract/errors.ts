import { isRetryable, type ErrorCode } from './error-codes.ts';
import type { Actor } from './events.ts';

export interface WireError {
  code: ErrorCode;
  message: string;
  /** The role in which the error was made, kept through every hop. */
  origin: Actor;
  retryable: boolean;
}

/** A message may quote the end of a log or an address, and is cut at this length. */
export const MESSAGE_LIMIT_CHARS = 32_000;

interface JobErrorOptions {
  cause?: unknown;
  origin?: Actor;
  /** Replaces the table's hint where that would mislead; '' for none. */
  hint?: string;
}

/** The one error of rbee. `cause` stays in the process and its log; the rest goes over the wire. */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** Undefined until the role that made the error sends it. */
  readonly origin: Actor | undefined;
  /** Stays in this process: over the wire, the code has the table's hint. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: JobErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = isRetryable(code);
    this.origin = options.origin;
    this.hint = options.hint;
  }

  toWire(here: Actor): WireError {
    const message = this.message.slice(0, MESSAGE_LIMIT_CHARS);
    return { code: this.code, message, origin: this.origin ?? here, retryable: this.retryable };
  }
}
