import { JobError } from '../contract/index.ts';

/** The fleet's token, shared by all of its daemons. */
const VARIABLE = 'RBEE_TOKEN';

const SENDABLE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

let token: string | undefined;

/**
 * RBEE_TOKEN; an empty one counts as none. It is removed from the environment of this process, which ssh, npm, nvidia-smi and other
 * programs inherit: only daemons get the token (`tokenEnvironment`).
 */
export function ownToken(): string | undefined {
  token = process.env[VARIABLE] ?? token;
  delete process.env[VARIABLE];
  return token || undefined;
}

/** @throws JobError invalid_input for an RBEE_TOKEN that cannot be sent */
export function requireOwnToken(): void {
  const own = ownToken();
  if (own !== undefined) requireToken(own, VARIABLE);
}

/**
 * A line break, as from a file, cannot be sent in a header: every call would fail.
 * @param from the variable or the option that it came from
 * @throws JobError invalid_input
 */
export function requireToken(text: string, from: string): void {
  if (SENDABLE.test(text)) return;
  const sentence = `${from} contains characters that no HTTP header can carry. It may contain only visible ASCII characters, and spaces between them.`;
  throw new JobError('invalid_input', sentence, { hint: '' });
}

/** Environment variables for a daemon that this process starts. */
export function tokenEnvironment(): Record<string, string> {
  const own = ownToken();
  return own === undefined ? {} : { [VARIABLE]: own };
}
