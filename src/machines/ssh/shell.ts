export interface ShellRun {
  /** $1, $2 … of the script. */
  args?: readonly string[];
  /** Its stdin; empty when left out. */
  input?: string | AsyncIterable<Uint8Array>;
  signal: AbortSignal;
  /** From the start to the end of the script. */
  withinMs: number;
}

/** A POSIX shell on a machine, as the user that a hive runs as. */
export interface Shell {
  /**
   * Runs a script of sh and resolves with its stdout.
   * @throws JobError ssh_unreachable, ssh_host_key, ssh_denied when the login fails; ssh_failed with the end of its stderr when
   *   the script exits with a status other than 0; deadline_exceeded; the signal's reason
   */
  run(script: string, options: ShellRun): Promise<string>;
}
