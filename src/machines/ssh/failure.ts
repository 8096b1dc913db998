import { JobError, sshName, type SshTarget } from '../../contract/index.ts';
import type { Frame } from './frame.ts';
import type { SshEnding } from './run-ssh.ts';

/** Of a script, in a message. */
const LAST_WORDS_CHARS = 600;
const FIRST_WORDS_CHARS = 160;
/** As many as ssh has for a host key that has changed, and a few. */
const REASON_LINES = 16;
/** What ssh says with -v. */
const DEBUG_LINE = /^(debug\d: |OpenSSH_|Authenticated to |Transferred: sent |Bytes per second: ).*[\r\n]*/gm;

export interface FramedEnding {
  frame: Frame;
  ending: SshEnding;
}

interface Known {
  pattern: RegExp;
  code: 'ssh_unreachable' | 'ssh_host_key' | 'ssh_denied' | 'ssh_failed';
  says: (words: string) => string;
}

/** The one line in which ssh says why it gave up, in the order in which a later one would explain an earlier one. */
const known: readonly Known[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed|REVOKED HOST KEY/,
    code: 'ssh_host_key',
    says: (words) => `shows another host key than the one that is known${fingerprint(words)}`,
  },
  {
    pattern: /Host key verification failed|No .* host key is known/,
    code: 'ssh_host_key',
    says: (words) => `is not known by its host key yet${fingerprint(words)}`,
  },
  {
    pattern: /Permission denied \([^)]*\)|Too many authentication failures|No supported authentication methods/,
    code: 'ssh_denied',
    says: (words) => `does not let us log in: ${lineOf(words, /Permission denied|authentication/)}`,
  },
  {
    pattern: /^channel \d+: open failed: |Session open refused by peer/m,
    code: 'ssh_failed',
    says: () => 'lets us log in and runs nothing: see MaxSessions in its sshd_config',
  },
  { pattern: /Could not resolve hostname/, code: 'ssh_unreachable', says: () => 'has a name that leads nowhere' },
  { pattern: /Connection refused/, code: 'ssh_unreachable', says: () => 'refuses connections: no SSH server listens there' },
  {
    pattern: /timed out|Timeout, server/,
    code: 'ssh_unreachable',
    says: () => 'does not answer: the connection timed out',
  },
  {
    pattern: /No route to host|Network is unreachable/,
    code: 'ssh_unreachable',
    says: () => 'cannot be reached: no route to host',
  },
];

/** Why ssh ended with 255. `words` is its stderr; where nobody foresaw them, they are the message. */
export function connectionFailure(words: string, target: SshTarget): JobError {
  const plain = words.replace(DEBUG_LINE, '');
  const found = reasonIn(plain);
  const name = sshName(target);
  if (found !== undefined) return new JobError(found.code, `${name} ${found.says(words)}`, { cause: plain.trim() });
  const last = lastWords(plain);
  return new JobError('ssh_unreachable', `The connection to ${name} ${last === '' ? 'broke off' : `ended: ${last}`}`, {
    cause: plain.trim(),
  });
}

/** What a script said that ended well. @throws JobError why there is none */
export function outputOf({ frame, ending }: FramedEnding, target: SshTarget): string {
  if (frame.status === 0) return ending.stdout;
  if (frame.status !== undefined) throw scriptFailure(ending, target);
  if (ending.status === 255) throw connectionFailure(ending.stderr, target);
  throw frame.begun
    ? new JobError('ssh_failed', `On ${sshName(target)}: a command was ended from outside, with status ${ending.status}`)
    : shellFailure({ frame, ending }, target);
}

/** The connection is there, and what its user logs in with has done something else than what it was told. */
function shellFailure({ frame, ending }: FramedEnding, target: SshTarget): JobError {
  const said = firstWords(`${frame.noise.words}\n${ending.stderr.replace(DEBUG_LINE, '')}`);
  const ended = `The login shell of ${sshName(target)} ended with status ${ending.status} without running the command it was given`;
  const why =
    'Does a start-up file there (such as ~/.bashrc) start another shell or end it, or does its SSH server force a command?';
  return new JobError('ssh_failed', `${ended}${said === '' ? '' : `, and said: ${said}`}. ${why}`);
}

/** The script's own failure, in its own words. */
export function scriptFailure({ status, stderr }: { status: number; stderr: string }, target: SshTarget): JobError {
  const words = lastWords(stderr);
  return new JobError('ssh_failed', `On ${sshName(target)}: ${words === '' ? `a command ended with status ${status}` : words}`);
}

/** The client of a shared connection that broke before it could ask for anything. */
export function isBrokenShare(words: string): boolean {
  return /mux_client_(hello_exchange|request_session|request_alive|read_packet)|Control socket connect\(/.test(words);
}

/** ssh itself prints it for a key that has changed, and for any other with -v. */
function fingerprint(words: string): string {
  const sent = /Server host key: (\S+) (SHA256:\S+)/.exec(words);
  if (sent !== null) return `: ${sent[1]} ${sent[2]}`;
  const printed = /SHA256:[A-Za-z0-9+/=]+/.exec(words);
  return printed === null ? '' : `: ${printed[0]}`;
}

/**
 * The last line says why ssh gave up; for a host key, a warning above it says more. What stands before is a server's banner, which may
 * say anything.
 */
function reasonIn(words: string): Known | undefined {
  const lines = words.trim().split(/[\r\n]+/);
  const last = lines.at(-1) ?? '';
  const of = (text: string) => known.find(({ pattern }) => pattern.test(text));
  const found = of(last);
  return found === undefined || found.code === 'ssh_host_key' ? of(lines.slice(-REASON_LINES).join('\n')) : found;
}

function lineOf(words: string, pattern: RegExp): string {
  const line = words.split('\n').findLast((each) => pattern.test(each) && !each.startsWith('debug')) ?? '';
  return line.replace(/^\S+@\S+: /, '').trim();
}

/** A shell says first what it does not like, and may repeat all of the command after that. */
function firstWords(words: string): string {
  return words
    .trim()
    .slice(0, FIRST_WORDS_CHARS)
    .split(/[\r\n]+/)
    .slice(0, 3)
    .join(' ');
}

export function lastWords(words: string): string {
  const lines = words.trim().split('\n');
  return lines.slice(-6).join('\n').trim().slice(-LAST_WORDS_CHARS);
}
