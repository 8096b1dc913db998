/**
 * What a failure is about. It decides who else would fail in the same way, and so whether another place is worth a try:
 *
 * | scope      | the failure is about                                               | another place may do better      |
 * |------------|--------------------------------------------------------------------|----------------------------------|
 * | request    | the request or the job itself                                      | no                               |
 * | name       | a hive, model or device that the request names and that is missing | yes: another hive may have it    |
 * | model      | loading the model on one hive                                      | yes, on another hive             |
 * | worker     | one worker process, or one run of the job                          | yes, also on the same hive       |
 * | hive       | one hive: its process, version or registration                     | yes, on another hive             |
 * | connection | the way to a hive, its machine or the queen                        | yes, on another hive             |
 * | machine    | the machine of a daemon: its disk, ports, programs                 | yes, on another machine          |
 * | queue      | a full queue                                                       | yes                              |
 * | load       | too much load right now                                            | yes                              |
 * | defect     | a bug in rbee                                                      | no                               |
 *
 * A model that is too large for one hive may fit another; `port_taken`, `daemon_start_failed` and `disk_full` keep every model from being
 * loaded on their machine. `no_room` and `deadline_exceeded` do not: memory and time are different for the next request.
 */
export type ErrorScope = (typeof errorScopes)[number];
export const errorScopes = [
  ...(['request', 'name', 'model', 'worker', 'hive'] as const),
  ...(['connection', 'machine', 'queue', 'load', 'defect'] as const),
] as const;

/** later: the same request may succeed later. person: only after a person has changed something on a machine. none: it would fail again. */
export type Recovery = 'later' | 'person' | 'none';

/** The exit codes of the command `rbee`: each error has one of them. */
export const exitCodes = {
  0: 'Success.',
  1: 'The answer is no: `explain` would refuse the request, `ssh test` finds that no hive can be installed. Otherwise a bug in rbee (`internal`).',
  2: 'The request or the command line is wrong.',
  3: 'What it names does not exist.',
  4: 'Another process cannot be reached, or misbehaves.',
  5: 'Busy or too slow: try again later.',
  6: 'The model, the engine or a worker failed.',
  7: 'This machine or another one: disk, memory, port, installation; `doctor` has found a problem.',
  8: 'Not allowed: a token, an SSH login or a host key.',
  130: 'Cancelled, or interrupted with Ctrl-C (143 by SIGTERM).',
} as const;

export type ExitCode = keyof typeof exitCodes;

export interface ErrorSpec {
  /** HTTP status when a request is refused with this code before a job exists. */
  status: number;
  /** Exit code of the `rbee` command. */
  exit: ExitCode;
  scope: ErrorScope;
  recovery: Recovery;
  /** What happened, for the error page. */
  meaning: string;
  /** What to do next. The keeper replaces the <placeholders> with the names in the command, where it has them. */
  hint: string;
}

type Numbers = [status: number, exit: ExitCode, scope: ErrorScope];

export function final([status, exit, scope]: Numbers, meaning: string, hint: string): ErrorSpec {
  return { status, exit, scope, recovery: 'none', meaning, hint };
}

export function retryable([status, exit, scope]: Numbers, meaning: string, hint: string): ErrorSpec {
  return { status, exit, scope, recovery: 'later', meaning, hint };
}

export function forPerson([status, exit, scope]: Numbers, meaning: string, hint: string): ErrorSpec {
  return { status, exit, scope, recovery: 'person', meaning, hint };
}
