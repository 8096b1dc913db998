import { errorCodes, isErrorCode, JobError, type Actor } from '../contract/index.ts';
import { atItsMachine, filledHint, helpFor, hintOf, ownHintOf } from './hints.ts';
import type { Asked, Failure } from './shown.ts';

/** Of a code that this version does not know: a peer misbehaves. */
const UNKNOWN_CODE_EXIT = 4;
const HERE = 'rbee-keeper' satisfies Actor;
const REPORT = "This is a bug in rbee. Please report it with the output of 'rbee doctor' and of this command with -v.";

interface Wire {
  code: string;
  message: string;
  origin: Actor;
  retryable: boolean;
}

/** A failure that came over the wire, with the hint of the contract. `asked` is what failed, where it is known. */
export function failureOf(wire: Wire, { operation, input = {} }: Partial<Asked> = {}): Failure {
  // The keeper has checked the fields: what remains to look up is the command.
  if (wire.code === 'invalid_input' && operation !== undefined) return { ...wire, hint: helpFor(operation) };
  const hint = wire.origin === HERE ? ownHintOf(wire.code) : hintOf(wire.code);
  if (hint === undefined) return { ...wire, hint: undefined };
  const filled = filledHint(hint, input);
  return { ...wire, hint: wire.origin === HERE ? filled : atItsMachine(filled, input) };
}

/** Anything thrown in the keeper. What is not a JobError is a bug: a sentence and where to report it, never a bare stack. */
export function failureFrom(cause: unknown): Failure {
  if (cause instanceof JobError) {
    const failure = { ...failureOf(cause.toWire(HERE)), stack: stackOf(cause) };
    return cause.hint === undefined ? failure : { ...failure, hint: cause.hint || undefined };
  }
  const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const message = `Something unexpected happened: ${what}`;
  return { code: 'internal', message, origin: HERE, retryable: false, hint: REPORT, stack: stackOf(cause) };
}

export function exitCodeOf(code: string): number {
  return isErrorCode(code) ? errorCodes[code].exit : UNKNOWN_CODE_EXIT;
}

/** Only an unexpected error, or the cause of an expected one, is worth a stack. */
function stackOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (!(cause instanceof JobError)) return cause.stack;
  return cause.cause instanceof Error ? `caused by ${cause.cause.stack ?? String(cause.cause)}` : undefined;
}
