import { JobError } from '../contract/index.ts';

/** The refusal of a field, by its place in the body. */
export function invalid(place: string, words: string): JobError {
  return new JobError('invalid_input', `${place}: ${words}`, { hint: '' });
}
