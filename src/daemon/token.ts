/** Of the fleet: one for all daemons that share it. */
const VARIABLE = 'RBEE_TOKEN';

let token: string | undefined;

/**
 * RBEE_TOKEN, an empty one being none. It is taken out of the environment of this process: ssh, npm, nvidia-smi and whatever else
 * is run inherit that, and only daemons are given the token (`tokenEnvironment`).
 */
export function ownToken(): string | undefined {
  token = process.env[VARIABLE] ?? token;
  delete process.env[VARIABLE];
  return token || undefined;
}

/** For a daemon that this process starts. */
export function tokenEnvironment(): Record<string, string> {
  const own = ownToken();
  return own === undefined ? {} : { [VARIABLE]: own };
}
