import { errorCodes, isErrorCode, JobError, type Actor, type ErrorCode } from '../contract/index.ts';
import { filledHint, type Said } from './filled-hint.ts';
import type { Failure } from './screen/view.ts';

/** Of a failure with a code that this version does not know: a peer misbehaves. */
const UNKNOWN_CODE_EXIT = 4;
const HERE = 'rbee-keeper' satisfies Actor;
const REPORT = "This is a defect of ours. Please report it with the output of 'rbee doctor' and of this command with -v.";

/** A failure that came over the wire, with the hint of our own table. `said` is the input of what failed, where it is known. */
export function failureOf(wire: { code: string; message: string; origin: Actor; retryable: boolean }, said: Said = {}): Failure {
  const hint = hintOf(wire.code);
  return {
    ...wire,
    hint: hint === undefined ? undefined : filledHint(filledHint(hint, said), calledByItsName(wire.message, said)),
  };
}

/** Most machines are called as their hive is, which a message about SSH begins with then. */
function calledByItsName(message: string, { hive_id }: Said): Said {
  return typeof hive_id === 'string' && message.startsWith(`${hive_id} `) ? { ssh_host: hive_id } : {};
}

/** A queen elsewhere is not ours to start: her address is all that can be checked here. */
export function hintOf(code: string, env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const elsewhere = env['RBEE_QUEEN_URL'];
  if (elsewhere && AT_HER_ADDRESS.has(code)) return `RBEE_QUEEN_URL is ${elsewhere}: is the queen awake there?`;
  return isErrorCode(code) ? errorCodes[code].hint : undefined;
}

const AT_HER_ADDRESS: ReadonlySet<string> = new Set(['queen_unreachable', 'queen_bad_response'] satisfies ErrorCode[]);

/** Anything thrown in the keeper. What is not a JobError is a defect: a sentence and where to report, never a bare stack. */
export function failureFrom(cause: unknown): Failure {
  if (cause instanceof JobError) return { ...failureOf(cause.toWire(HERE)), stack: stackOf(cause) };
  const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const message = `Something unexpected happened: ${what}`;
  return { code: 'internal', message, origin: HERE, retryable: false, hint: REPORT, stack: stackOf(cause) };
}

export function exitCodeOf(code: string): number {
  return isErrorCode(code) ? errorCodes[code].exit : UNKNOWN_CODE_EXIT;
}

/** Only what has a cause, or is unexpected, is worth a stack: the rest says it all in its message. */
function stackOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (!(cause instanceof JobError)) return cause.stack;
  return cause.cause instanceof Error ? `caused by ${cause.cause.stack ?? String(cause.cause)}` : undefined;
}
