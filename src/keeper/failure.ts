import { errorCodes, isErrorCode, JobError, LOCALHOST, type Actor, type ErrorCode } from '../contract/index.ts';
import { filledHint, isSaidBy, type Said } from './filled-hint.ts';
import type { Failure } from './screen/view.ts';

/** Of a failure with a code that this version does not know: a peer misbehaves. */
const UNKNOWN_CODE_EXIT = 4;
const HERE = 'rbee-keeper' satisfies Actor;
const REPORT = "This is a defect of ours. Please report it with the output of 'rbee doctor' and of this command with -v.";

/** A failure that came over the wire, with the hint of our own table. `said` is the input of what failed, where it is known. */
export function failureOf(wire: { code: string; message: string; origin: Actor; retryable: boolean }, said: Said = {}): Failure {
  const hint = wire.origin === HERE ? hintHere(wire.code) : hintOf(wire.code);
  if (hint === undefined) return { ...wire, hint };
  if (isSaidBy(wire.message, hint)) return { ...wire, hint: undefined };
  const filled = filledHint(filledHint(hint, said), calledByItsName(wire.message, said));
  return { ...wire, hint: wire.origin === HERE ? filled : atItsMachine(filled, said) };
}

/** What looks at a machine is run there: `rbee doctor` here knows nothing of a hive elsewhere, or of the machine of a queen elsewhere. */
function atItsMachine(hint: string, { hive_id }: Said): string {
  const isHiveElsewhere = typeof hive_id === 'string' && hive_id !== LOCALHOST;
  const where = isHiveElsewhere
    ? `the machine of hive '${hive_id}'`
    : process.env['RBEE_QUEEN_URL']
      ? "the queen's machine"
      : undefined;
  return where === undefined ? hint : hint.replace(/rbee (doctor|queen logs|down)\b/g, `$& (on ${where})`);
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

/** The same for what was found out on the way to her. */
function hintHere(code: string): string | undefined {
  return hintOf(process.env['RBEE_QUEEN_URL'] && ON_THE_WAY.has(code) ? 'queen_unreachable' : code);
}

const AT_HER_ADDRESS: ReadonlySet<string> = new Set(['queen_unreachable', 'queen_bad_response'] satisfies ErrorCode[]);
const ON_THE_WAY: ReadonlySet<string> = new Set(['port_taken', 'version_mismatch'] satisfies ErrorCode[]);

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
