import { JobError } from '../../contract/index.ts';
import type { Shell, ShellRun } from '../ssh/index.ts';

/** A machine on which this fleet installs a hive. */
export interface HiveSite {
  shell: Shell;
  signal: AbortSignal;
  /** The home id of the queen: one machine is of one fleet. */
  fleet: string;
  /** The hive that is meant: a machine has one. */
  hiveId: string;
  /** What is said where the machine has another hive of this fleet. */
  occupied: (byHiveId: string) => Promise<JobError>;
}

/** For a step that only looks, or moves something. */
const STEP_DEADLINE_MS = 30_000;

/**
 * Every script begins so. All that a hive is lies in one folder, apart from what its user may have of rbee: removing is easy.
 * The scripts are POSIX sh with tools that GNU, BSD and BusyBox have alike; without `mv -T`, renames that matter are Node's.
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

/** Runs a script of ours and returns what it printed. @throws JobError as Shell.run, and disk_full */
export async function runScript(
  { shell, signal }: Pick<HiveSite, 'shell' | 'signal'>,
  script: string,
  options: Partial<Omit<ShellRun, 'signal'>> = {},
): Promise<string> {
  try {
    return await shell.run(PRELUDE + script, { withinMs: STEP_DEADLINE_MS, ...options, signal });
  } catch (cause) {
    const isFull = cause instanceof JobError && cause.code === 'ssh_failed' && /no space left|quota/i.test(cause.message);
    if (!isFull) throw cause;
    throw new JobError('disk_full', `The disk of the machine is full: ${cause.message}`, { cause });
  }
}

/** What the scripts answer: a word a line, and what it says. Of a word that comes again, the last counts. */
export function readReply(stdout: string): Map<string, string> {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]));
}
