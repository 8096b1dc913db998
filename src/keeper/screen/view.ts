import type { EventKind, WireError } from '../../contract/index.ts';
import type { Look } from '../show/look.ts';
import type { Asked } from '../show/result.ts';

/** An event on its way to the person or the script in front, its data unparsed. */
export interface ShownEvent extends Asked {
  /** Seq in the queen's job; null for what the keeper says itself. */
  id: number | null;
  kind: EventKind;
  json: string;
}

/** What the keeper itself says. */
export interface Step {
  action: string;
  human: string;
  detail?: boolean;
  /** The queen's job that it is about, once there is one. */
  jobId?: string;
}

/** The one way out of the keeper: `PeopleView` for people, `JsonView` for scripts. */
export interface View {
  /** Aborts when nobody reads stdout any more. */
  readonly gone: AbortSignal;
  narrate(step: Step, correlationId: string): Promise<void>;
  event(event: ShownEvent): Promise<void>;
  /** The outcome of a command that is no job: the object for scripts, its lines for people. */
  show(value: unknown, lines: (look: Look) => string): Promise<void>;
  /** The same in the place of a job's result, as the event that the job would have sent. */
  result(value: unknown, lines: (look: Look) => string): Promise<void>;
  /** Closes the open line of an answer that is left in the middle. */
  endAnswer(): Promise<void>;
  fail(error: Failure): Promise<void>;
  cancelled(reason: string): Promise<void>;
}

/** A failure as it is shown. `hint` says what to do next. */
export interface Failure extends Omit<WireError, 'code'> {
  code: string;
  hint: string | undefined;
  /** Where in our code an unexpected failure came from, for -v. */
  stack?: string | undefined;
}
