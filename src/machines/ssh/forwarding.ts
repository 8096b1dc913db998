import { HIVE_PORT, JobError, LOOPBACK, sshLogin, sshName, type SshTarget } from '../../contract/index.ts';
import { connectionFailure } from './failure.ts';
import { ALONE, sshArguments } from './openssh.ts';
import { runSsh } from './run-ssh.ts';
import { FORWARD_REFUSED, forwardRefused } from './tunnel-process.ts';

/** ssh notices a dead connection before this. */
const WITHIN_MS = 10_000;
/** Of ssh's stderr. */
const WORDS_LIMIT_CHARS = 64 * 1024;

/**
 * Checks that the SSH server forwards this port of its machine's loopback: the one thing that a tunnel needs and an install does not.
 * Nothing is sent to the program on that port, and no program needs to listen there.
 * @throws JobError ssh_failed where the server does not forward; as Shell.run where the machine cannot be reached; the signal's reason
 */
export async function requireForwarding(target: SshTarget, port: number, signal: AbortSignal): Promise<void> {
  // At VERBOSE, ssh prints that it is logged in, and why the server has refused the port.
  const options = [...ALONE, '-o', 'LogLevel=VERBOSE', '-W', `${LOOPBACK}:${port}`];
  let words = '';
  const run = {
    signal,
    withinMs: WITHIN_MS,
    doing: `Requesting port forwarding from ${sshName(target)}`,
    alone: true,
    onWords: (text: string) => {
      if (words.length < WORDS_LIMIT_CHARS) words += text;
    },
  };
  const ending = await runSsh(sshArguments({ target, options }), run).catch((error: unknown) => {
    // The program there accepts the connection and sends nothing: a frozen hive, for example.
    if (error instanceof JobError && error.code === 'deadline_exceeded' && /^Authenticated to /m.test(words)) return undefined;
    throw error;
  });
  if (ending === undefined) return;
  const { status, stderr } = ending;
  if (FORWARD_REFUSED.test(stderr)) throw forwardRefused(target, port);
  if (status === 0 || /open failed: connect failed/.test(stderr)) return;
  throw connectionFailure(stderr, target);
}

/** What a person can do about it. */
export function forwardingStep(target: SshTarget, { code }: JobError): string {
  if (code !== 'ssh_failed') return `Try it by hand: ssh -W ${LOOPBACK}:${HIVE_PORT} ${sshLogin(target)}`;
  return `There, as root: sshd -T | grep -iE 'forwarding|permitopen', and set AllowTcpForwarding yes in /etc/ssh/sshd_config. A key with 'restrict' or 'no-port-forwarding' in authorized_keys needs 'port-forwarding'. On a network that you trust, a hive works without SSH forwarding: rbee hive install <hive> --transport http`;
}
