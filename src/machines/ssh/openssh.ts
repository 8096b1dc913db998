import { JobError, operations, type SshTarget } from '../../contract/index.ts';

/**
 * Options of every ssh that rbee runs: it never prompts, gives up soon, notices a dead connection within 8 s, and forwards nothing of the
 * user's: no agent (-a), no X11 (-x), no Kerberos credentials (-k), no ports, no tunnel device. The user's ~/.ssh/config decides the rest:
 * names, keys, jump hosts, and above all which host keys are trusted.
 */
const ALWAYS = [
  ...['-a', '-x', '-k', '-T'],
  ...['BatchMode=yes', 'ConnectTimeout=5', 'ServerAliveInterval=2', 'ServerAliveCountMax=3'].flatMap((option) => ['-o', option]),
  // Clears the ports of the command line as well: rbee requests its own with -O forward.
  ...['ClearAllForwardings=yes', 'Tunnel=no'].flatMap((option) => ['-o', option]),
  // The user's own commands, there and here.
  ...['RemoteCommand=none', 'PermitLocalCommand=no'].flatMap((option) => ['-o', option]),
];

/** Errors only: a banner would be mistaken for a script's output. That a connection is dead is no error to ssh, though. */
const QUIET = ['-o', 'LogLevel=ERROR'];

/** Shares no connection, above all not one that the user's own ssh has opened with its forwarded ports. */
export const ALONE = ['-o', 'ControlMaster=no', '-o', 'ControlPath=none'];

interface Call {
  target: SshTarget;
  /** ssh options, in addition to those that every call has. */
  options?: readonly string[];
  /** The command for the remote machine. */
  command?: string;
}

/**
 * argv of ssh, without the program. Host and user cannot be read as options: they are validated, and stand after `--` or as a value.
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

/** @throws JobError invalid_input */
export function requireTarget({ host, port, user }: SshTarget) {
  const parsed = operations.ssh_test.input.safeParse({ ssh_host: host, ssh_port: port, ssh_user: user });
  if (parsed.success) return { ...parsed.data, ssh_host: host };
  const [issue] = parsed.error.issues;
  const what = issue?.path[0] === 'ssh_user' ? user : issue?.path[0] === 'ssh_port' ? port : host;
  throw new JobError('invalid_input', `'${what}' is not ${issue?.message}`, { cause: parsed.error });
}

export const quietly = (...options: readonly string[]): string[] => [...QUIET, ...options];
