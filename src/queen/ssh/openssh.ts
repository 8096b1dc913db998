import { JobError, operations, type SshTarget } from '../../contract/index.ts';

/**
 * How every ssh of ours is called: never asks, gives up soon, notices a dead link within 8 s. All else is the user's ~/.ssh/config,
 * above all which host keys are trusted.
 */
const ALWAYS = [
  '-T',
  ...['BatchMode=yes', 'ConnectTimeout=5', 'ServerAliveInterval=2', 'ServerAliveCountMax=3'].flatMap((option) => ['-o', option]),
  // A command of the user's own would run in place of ours.
  ...['-o', 'RemoteCommand=none'],
];

/** Errors only: a banner would be taken for a script's words. That a link is dead is no error to ssh, though. */
const QUIET = ['-o', 'LogLevel=ERROR'];

interface Call {
  target: SshTarget;
  /** Of ssh, on top of those that every call has. */
  options?: readonly string[];
  /** What the other side runs. */
  command?: string;
}

/**
 * argv of ssh, without the program. Host and user cannot be read as options: they are checked, and stand after `--` or as a value.
 * @throws JobError invalid_input
 */
export function sshArguments({ target, options = QUIET, command }: Call): string[] {
  const { ssh_host, ssh_port, ssh_user } = requireTarget(target);
  return [
    ...ALWAYS,
    ...options,
    ...(ssh_port === undefined ? [] : ['-p', String(ssh_port)]),
    ...(ssh_user === undefined ? [] : ['-l', ssh_user]),
    '--',
    ssh_host,
    ...(command === undefined ? [] : [command]),
  ];
}

/** 'me@gaming-pc:2222', as far as it was said. */
export function targetName({ host, port, user }: SshTarget): string {
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** @throws JobError invalid_input */
export function requireTarget({ host, port, user }: SshTarget) {
  const parsed = operations.ssh_test.input.safeParse({ ssh_host: host, ssh_port: port, ssh_user: user });
  if (parsed.success) return { ...parsed.data, ssh_host: host };
  const [issue] = parsed.error.issues;
  const what = issue?.path[0] === 'ssh_user' ? user : issue?.path[0] === 'ssh_port' ? port : host;
  throw new JobError('invalid_input', `${issue?.path.join('.')}: '${what}' is not ${issue?.message}`, { cause: parsed.error });
}

export const quietly = (...options: readonly string[]): string[] => [...QUIET, ...options];
