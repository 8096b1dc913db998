import { JobError } from '../../contract/index.ts';
import { reportsFullDisk } from '../disk-full.ts';
import { failureOf, type Shell, type ShellRun } from '../ssh/index.ts';

/** A machine on which this fleet installs a hive. */
export interface HiveSite {
  shell: Shell;
  signal: AbortSignal;
  /** The home id of the queen. A machine belongs to one fleet. */
  fleet: string;
  /** The hive to install, start or remove. A machine has one. */
  hiveId: string;
  /** The error for a machine that has another hive of this fleet. */
  occupied: (byHiveId: string) => Promise<JobError>;
}

/** For a step that only reads, or renames something. */
const STEP_DEADLINE_MS = 30_000;

/**
 * The beginning of every script. A hive is installed in one folder, separate from any rbee of its user, so it is easy to remove.
 * The scripts are POSIX sh with tools that GNU, BSD and BusyBox share. They have no `mv -T`, so Node does the renames that must be atomic.
 */
const PRELUDE = `
set -eu
umask 077
LC_ALL=C
export LC_ALL
unset NODE_OPTIONS NODE_PATH TAR_OPTIONS GZIP CDPATH RBEE_TOKEN RBEE_QUEEN_URL SSH_AUTH_SOCK SSH_AGENT_PID || :
root=$HOME/.rbee
RBEE_HOME=$root/home
export RBEE_HOME
size_of() { if [ -f "$1" ]; then echo "$(($(wc -c <"$1")))"; else echo 0; fi; }
hive() { (cd / && sh -c 'echo "$$" >"$0"; exec "$@"' "\${starting:-/dev/null}" "$root/current/node" "$root/current/dist/rbee.js" hive "$@" --json 2>&1); }
`;

/** Runs a script and returns its stdout. @throws JobError as Shell.run, and disk_full */
export async function runScript(
  { shell, signal }: Pick<HiveSite, 'shell' | 'signal'>,
  script: string,
  options: Partial<Omit<ShellRun, 'signal'>> = {},
): Promise<string> {
  try {
    return await shell.run(PRELUDE + script, { withinMs: STEP_DEADLINE_MS, ...options, signal });
  } catch (cause) {
    const failure = failureOf(cause);
    if (!(cause instanceof JobError) || failure?.reason !== 'script' || !reportsFullDisk(failure.message)) throw cause;
    throw new JobError('disk_full', `The disk of the machine is full: ${cause.message}`, { cause });
  }
}

/** The output of a script: `word value` on each line. Of a repeated word, the last line counts. */
export function readReply(stdout: string): Map<string, string> {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]));
}
