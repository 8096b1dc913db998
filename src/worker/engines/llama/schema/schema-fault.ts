import { JobError } from '../../../../contract/index.ts';

const LONGEST_WORDS = 200;

/** Names and values of a schema may be long; what is said about them is not. */
export function refused(at: string, why: string, cause?: unknown): JobError {
  return new JobError('invalid_input', `${short(at)}: ${short(why)}.`, { cause });
}

function short(text: string): string {
  return text.length > LONGEST_WORDS ? `${text.slice(0, LONGEST_WORDS)}…` : text;
}
