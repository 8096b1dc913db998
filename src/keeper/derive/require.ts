import { JobError } from '../../contract/index.ts';
import { nearest } from '../../jobs/client.ts';

// For options of commands that are not operations, so that the contract has no schema for them.

/** @throws JobError invalid_input, naming the option */
export function requireWholeNumber(
  option: string,
  value: string,
  [least, most]: readonly [least: number, most?: number],
): number {
  const number = /^\d{1,15}$/.test(value) ? Number(value) : -1;
  if (number < least || number > (most ?? Infinity)) {
    const bound = most !== undefined ? ` from ${least} to ${most}` : least > 0 ? ` of at least ${least}` : '';
    throw new JobError('invalid_input', `${option} must be a whole number${bound}, not '${value}'.`);
  }
  return number;
}

/** @throws JobError invalid_input, with the most similar name */
export function requireKnown(option: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  const meant = nearest(value, known);
  const help = meant === undefined ? `It is one of ${known.join(', ')}.` : `Did you mean ${meant}?`;
  throw new JobError('invalid_input', `${option} '${value}' is not known. ${help}`);
}
