import * as z from 'zod';
import { JobError, type SshTarget } from '../../contract/index.ts';
import { lastOutput } from './failure.ts';
import { quietly, sshArguments } from './openssh.ts';
import { runSsh } from './run-ssh.ts';

/** The address that OpenSSH uses for a name, after all of its files with their Include and Match. */
export interface Resolved {
  hostname: string;
  user: string;
  port: number;
  /** The jump host, or the command, that the connection goes through. */
  via?: string;
}

const WITHIN_MS = 5_000;

const answer = z.object({
  hostname: z.string(),
  user: z.string(),
  port: z.coerce.number().int(),
  proxyjump: z.string().optional(),
  proxycommand: z.string().optional(),
});

/** Runs ssh -G, which opens no connection. @throws JobError ssh_failed with ssh's message, for example about an error in a config file */
export async function resolveTarget(target: SshTarget, signal: AbortSignal): Promise<Resolved> {
  const argv = sshArguments({ target, options: quietly('-G') });
  const { status, stdout, stderr } = await runSsh(argv, { signal, withinMs: WITHIN_MS, doing: 'ssh -G' });
  if (status !== 0) throw new JobError('ssh_failed', `OpenSSH rejects its configuration or this name: ${lastOutput(stderr)}`);
  return parseResolved(stdout);
}

export function parseResolved(said: string): Resolved {
  const pairs = said.split('\n').map((line) => line.split(/ (.*)/s));
  const parsed = answer.safeParse(Object.fromEntries(pairs));
  if (!parsed.success) throw new JobError('ssh_failed', 'The output of ssh -G cannot be parsed', { cause: parsed.error });
  const { hostname, user, port, proxyjump, proxycommand } = parsed.data;
  const via = [proxyjump, proxycommand].find((each) => each !== undefined && each !== 'none');
  return { hostname, user, port, ...(via === undefined ? {} : { via }) };
}
