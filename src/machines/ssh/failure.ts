import { JobError, sshName, type SshTarget } from '../../contract/index.ts';
import type { Frame } from './frame.ts';
import type { SshEnding } from './run-ssh.ts';

/** Of a script's output, in an error message. */
const LAST_OUTPUT_CHARS = 600;
const FIRST_OUTPUT_CHARS = 160;
/** ssh's warning about a changed host key, and a few lines more. */
const REASON_LINES = 16;
/** Lines that ssh prints with -v. */
const DEBUG_LINE = /^(debug\d: |OpenSSH_|Authenticated to |Transferred: sent |Bytes per second: ).*[\r\n]*/gm;

export interface FramedEnding {
  frame: Frame;
  ending: SshEnding;
}

/** Why ssh gave up; `script`: the connection is up, and the script failed. */
type Reason =
  | ('key_changed' | 'key_unknown' | 'denied' | 'no_session')
  | ('unknown_name' | 'refused' | 'timed_out' | 'no_route' | 'other' | 'script');

/** The cause of a JobError about SSH. The message is the stderr of ssh, or of the script. */
export class SshFailure extends Error {
  override readonly name = 'SshFailure';
  readonly reason: Reason;

  constructor(reason: Reason, stderr: string) {
    super(stderr.trim());
    this.reason = reason;
  }
}

/** @returns the reason of ssh itself or of a script, for an error that has one */
export function failureOf(error: unknown): SshFailure | undefined {
  return error instanceof JobError && error.cause instanceof SshFailure ? error.cause : undefined;
}

interface Known {
  pattern: RegExp;
  code: 'ssh_unreachable' | 'ssh_host_key' | 'ssh_denied' | 'ssh_failed';
  reason: Reason;
  says: (words: string) => string;
}

/** The line in which ssh says why it gave up. A later entry would explain an earlier one, so the first match counts. */
const known: readonly Known[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed|REVOKED HOST KEY/,
    code: 'ssh_host_key',
    reason: 'key_changed',
    says: (words) => `presents a host key that differs from the known one${fingerprint(words)}`,
  },
  {
    pattern: /Host key verification failed|No .* host key is known/,
    code: 'ssh_host_key',
    reason: 'key_unknown',
    says: (words) => `has a host key that is not known yet${fingerprint(words)}`,
  },
  {
    pattern: /Permission denied \([^)]*\)|Too many authentication failures|No supported authentication methods/,
    code: 'ssh_denied',
    reason: 'denied',
    says: (words) => `refuses the login: ${lineOf(words, /Permission denied|authentication/)}`,
  },
  {
    pattern: /^channel \d+: open failed: |Session open refused by peer/m,
    code: 'ssh_failed',
    reason: 'no_session',
    says: () => 'accepts the login but runs no command: see MaxSessions in its sshd_config',
  },
  {
    pattern: /Could not resolve hostname/,
    code: 'ssh_unreachable',
    reason: 'unknown_name',
    says: () => 'has a host name that cannot be resolved',
  },
  {
    pattern: /Connection refused/,
    code: 'ssh_unreachable',
    reason: 'refused',
    says: () => 'refuses connections: no SSH server listens there',
  },
  {
    pattern: /timed out|Timeout, server/,
    code: 'ssh_unreachable',
    reason: 'timed_out',
    says: () => 'does not answer: the connection timed out',
  },
  {
    pattern: /No route to host|Network is unreachable/,
    code: 'ssh_unreachable',
    reason: 'no_route',
    says: () => 'cannot be reached: no route to host',
  },
];

/** The error for an ssh that exited with 255. `words` is its stderr; it becomes the message where no pattern matches. */
export function connectionFailure(words: string, target: SshTarget): JobError {
  const plain = words.replace(DEBUG_LINE, '');
  const found = reasonIn(plain);
  const name = sshName(target);
  const cause = new SshFailure(found?.reason ?? 'other', plain);
  if (found !== undefined) return new JobError(found.code, `${name} ${found.says(words)}`, { cause });
  const last = lastOutput(plain);
  const says = last === '' ? `The connection to ${name} was closed` : `The connection to ${name} failed: ${last}`;
  return new JobError('ssh_unreachable', says, { cause });
}

/** @returns the stdout of a script that succeeded @throws JobError if it failed, or did not run */
export function outputOf({ frame, ending }: FramedEnding, target: SshTarget): string {
  if (frame.status === 0) return ending.stdout;
  if (frame.status !== undefined) throw scriptFailure(ending, target);
  if (ending.status === 255) throw connectionFailure(ending.stderr, target);
  throw frame.begun
    ? new JobError('ssh_failed', `A command on ${sshName(target)} was terminated from outside, with status ${ending.status}`)
    : shellFailure({ frame, ending }, target);
}

/** The connection is up, but the login shell did not run the command. */
function shellFailure({ frame, ending }: FramedEnding, target: SshTarget): JobError {
  const said = firstOutput(`${frame.noise.words}\n${ending.stderr.replace(DEBUG_LINE, '')}`);
  const ended = `The login shell of ${sshName(target)} exited with status ${ending.status} without running the command`;
  const why =
    'Does a start-up file there (such as ~/.bashrc) start another shell or exit, or does the SSH server force a command?';
  return new JobError('ssh_failed', `${ended}${said === '' ? '' : `. It printed: ${said}`}. ${why}`);
}

/** The script ran and failed. Its own output is the message. */
export function scriptFailure({ status, stderr }: { status: number; stderr: string }, target: SshTarget): JobError {
  const words = lastOutput(stderr);
  const says = words === '' ? `a command exited with status ${status}` : words;
  return new JobError('ssh_failed', `On ${sshName(target)}: ${says}`, { cause: new SshFailure('script', stderr) });
}

/** The client of a shared connection that closed before the client could send its request. */
export function isBrokenShare(words: string): boolean {
  return /mux_client_(hello_exchange|request_session|request_alive|read_packet)|Control socket connect\(/.test(words);
}

/** ssh prints the fingerprint of a changed key always, and of any other key with -v. */
function fingerprint(words: string): string {
  const sent = /Server host key: (\S+) (SHA256:\S+)/.exec(words);
  if (sent !== null) return `: ${sent[1]} ${sent[2]}`;
  const printed = /SHA256:[A-Za-z0-9+/=]+/.exec(words);
  return printed === null ? '' : `: ${printed[0]}`;
}

/**
 * The last line says why ssh gave up; for a host key, the warning above it says more. Lines before that are the server's banner, which
 * may contain anything.
 */
function reasonIn(words: string): Known | undefined {
  const lines = words.trim().split(/[\r\n]+/);
  const last = lines.at(-1) ?? '';
  const match = (text: string) => known.find(({ pattern }) => pattern.test(text));
  const found = match(last);
  return found === undefined || found.code === 'ssh_host_key' ? match(lines.slice(-REASON_LINES).join('\n')) : found;
}

function lineOf(words: string, pattern: RegExp): string {
  const line = words.split('\n').findLast((each) => pattern.test(each) && !each.startsWith('debug')) ?? '';
  return line.replace(/^\S+@\S+: /, '').trim();
}

/** A shell first prints its complaint, and may then repeat the whole command. */
function firstOutput(words: string): string {
  return words
    .trim()
    .slice(0, FIRST_OUTPUT_CHARS)
    .split(/[\r\n]+/)
    .slice(0, 3)
    .join(' ');
}

export function lastOutput(words: string): string {
  const lines = words.trim().split('\n');
  return lines.slice(-6).join('\n').trim().slice(-LAST_OUTPUT_CHARS);
}
