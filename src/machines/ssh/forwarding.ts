import { HIVE_PORT, JobError, LOOPBACK, sshName, type SshTarget } from '../../contract/index.ts';
import { connectionFailure } from './failure.ts';
import { ALONE, sshArguments } from './openssh.ts';
import { runSsh } from './run-ssh.ts';
import { FORWARD_REFUSED, refused } from './tunnel-process.ts';

/** A connection that has died is noticed before. */
const WITHIN_MS = 10_000;
/** Of what ssh says. */
const WORDS_LIMIT_CHARS = 64 * 1024;

/**
 * Whether the SSH server lets us reach this port of its machine's loopback, which is all of a tunnel that takes no part in what is
 * installed there. Whatever listens there is told nothing; that nothing listens is as good an answer.
 * @throws JobError ssh_failed where it does not; as Shell.run where there is no way in; the signal's reason
 */
export async function requireForwarding(target: SshTarget, port: number, signal: AbortSignal): Promise<void> {
  // VERBOSE is where ssh says that it is let in, and why the server has refused the port.
  const options = [...ALONE, '-o', 'LogLevel=VERBOSE', '-W', `${LOOPBACK}:${port}`];
  let words = '';
  const run = {
    signal,
    withinMs: WITHIN_MS,
    doing: `Asking ${sshName(target)} to forward a port`,
    alone: true,
    onWords: (text: string) => {
      if (words.length < WORDS_LIMIT_CHARS) words += text;
    },
  };
  const ending = await runSsh(sshArguments({ target, options }), run).catch((error: unknown) => {
    // What listens there takes the connection and says nothing: a hive that is frozen, for example.
    if (error instanceof JobError && error.code === 'deadline_exceeded' && /^Authenticated to /m.test(words)) return undefined;
    throw error;
  });
  if (ending === undefined) return;
  const { status, stderr } = ending;
  if (FORWARD_REFUSED.test(stderr)) throw refused(target, port);
  if (status === 0 || /open failed: connect failed/.test(stderr)) return;
  throw connectionFailure(stderr, target);
}

/** What to do about it, for people. */
export function forwardingStep(target: SshTarget, { code }: JobError): string {
  if (code !== 'ssh_failed') return `Try it by hand: ssh -W ${LOOPBACK}:${HIVE_PORT} ${target.host}`;
  return `There, as root: sshd -T | grep -iE 'forwarding|permitopen', and set AllowTcpForwarding yes in /etc/ssh/sshd_config; a key with 'restrict' or 'no-port-forwarding' in authorized_keys needs 'port-forwarding'. On a network that you trust, a hive does without: rbee hive install <hive> --transport http`;
}
