import { JobError } from './errors.ts';

/** @param tokens of the prompt; words such as 'at least 5000' where it was not counted to its end */
export function promptTooLong(tokens: number | string, contextSize: number): JobError {
  const sentence = `The prompt has ${tokens} tokens; the context holds ${contextSize}, of which the answer needs at least one.`;
  return new JobError('prompt_too_long', sentence);
}

/** The numbers in the message of such an error; undefined where it has none. */
export function tokensOfTooLong({ message }: JobError): { tokens: string; contextSize: string } | undefined {
  const found = /has ([a-z ]*\d+) tokens; the context holds (\d+)/.exec(message);
  const [, tokens, contextSize] = found ?? [];
  return tokens === undefined || contextSize === undefined ? undefined : { tokens, contextSize };
}
