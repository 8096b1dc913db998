import type { Look } from '../show/look.ts';
import type { Failure, ShownEvent, Step } from '../shown.ts';

/** The one way out of the keeper: `PeopleView` for people, `JsonView` for scripts. */
export interface View {
  /** Aborts when stdout has no reader any longer. */
  readonly gone: AbortSignal;
  narrate(step: Step, correlationId: string): Promise<void>;
  event(event: ShownEvent): Promise<void>;
  /** The outcome of a command that is not a job: the object for scripts, its lines for people. */
  show(value: unknown, lines: (look: Look) => string): Promise<void>;
  /** The same in the place of a job's result, as the event that the job would have sent. */
  result(value: unknown, lines: (look: Look) => string): Promise<void>;
  /** Text of the keeper itself beside the answers, such as the reply to a command of a conversation. */
  note(text: string): Promise<void>;
  /** Closes the open line of an unfinished answer. */
  endAnswer(): Promise<void>;
  fail(error: Failure): Promise<void>;
  /** @param reason undefined where the user interrupted this command */
  cancelled(reason?: string): Promise<void>;
}
