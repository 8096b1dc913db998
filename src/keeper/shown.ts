import type { EventKind, WireError } from '../contract/index.ts';

// What is shown, apart from how: `screen/` and `show/` know that.

/** The input of an operation, as far as it is known. */
export type KnownInput = Readonly<Record<string, unknown>>;

export interface Asked {
  operation: string;
  input?: KnownInput;
}

/** An event for the person or the script, its data unparsed. */
export interface ShownEvent extends Asked {
  /** Seq in the queen's job; null for what the keeper itself reports. */
  id: number | null;
  kind: EventKind;
  json: string;
  /** Set where a `cancelled` was requested by the user of this command. */
  byUser?: boolean;
}

/** A step of the keeper itself. */
export interface Step {
  action: string;
  human: string;
  detail?: boolean;
  /** The queen's job that it is about, once there is one. */
  jobId?: string;
}

/** A failure as it is shown. */
export interface Failure extends Omit<WireError, 'code'> {
  code: string;
  /** What to do next. */
  hint: string | undefined;
  /** Where an unexpected failure came from, for -v. */
  stack?: string | undefined;
}
