import { rm } from 'node:fs/promises';
import { JobError, type SshTarget } from '../../contract/index.ts';
import type { ControlFolder } from './control-folder.ts';
import { connectionFailure, isBrokenShare, scriptFailure } from './failure.ts';
import { quietly, requireTarget, sshArguments, targetName } from './openssh.ts';
import { remoteCommand } from './quote.ts';
import { runSsh, type SshEnding } from './run-ssh.ts';
import type { Shell, ShellRun } from './shell.ts';

/** The shared connection ends when nobody has used it for this long, also where nobody is left to end it. */
const SHARE_KEPT_S = 60;
const CONTROL_MS = 1_000;

/**
 * A machine's shell through the system's ssh. Commands share one connection, so that only the first pays for logging in.
 * A command that is given up ends here; what it had started there sees its stdin and stdout closed.
 */
export class SshShell implements Shell {
  readonly target: SshTarget;
  readonly #folder: ControlFolder;
  #isUsed = false;
  #mending: Promise<void> | undefined;

  /** @throws JobError invalid_input for a target that is none */
  constructor(target: SshTarget, folder: ControlFolder) {
    requireTarget(target);
    this.target = target;
    this.#folder = folder;
  }

  async run(script: string, { args = [], ...run }: ShellRun): Promise<string> {
    const end = performance.now() + run.withinMs;
    const socket = await this.#socket();
    const share = ['-o', 'ControlMaster=auto', '-S', socket, '-o', `ControlPersist=${SHARE_KEPT_S}`];
    const options = quietly(...share, '-o', 'ClearAllForwardings=yes');
    const argv = sshArguments({ target: this.target, options, command: remoteCommand(script, args) });
    const once = () =>
      runSsh(argv, { ...run, withinMs: end - performance.now(), doing: `A command on ${targetName(this.target)}` });
    try {
      const ending = await once();
      // Then nothing has run there, nor has any input been taken.
      const again = ending.status === 255 && isBrokenShare(ending.stderr) && !isIterable(run.input);
      return this.#outputOf(again ? await once() : ending);
    } catch (error) {
      if (!(error instanceof JobError) || error.code === 'deadline_exceeded') this.#mending = this.#mend(socket);
      throw error;
    }
  }

  /** Ends the shared connection, if there is one. */
  async close(): Promise<void> {
    if (!this.#isUsed) return;
    const socket = await this.#socket();
    if (!(await this.#control('exit', socket))) await rm(socket, { force: true });
  }

  async #socket(): Promise<string> {
    this.#isUsed = true;
    await this.#mending;
    return this.#folder.socketOf(this.target);
  }

  #outputOf(ending: SshEnding): string {
    if (ending.status === 0) return ending.stdout;
    throw ending.status === 255 ? connectionFailure(ending.stderr, this.target) : scriptFailure(ending, this.target);
  }

  /** A shared connection that does not answer would hold every later command as well, so the next one makes its own. */
  async #mend(socket: string): Promise<void> {
    if (!(await this.#control('check', socket))) await rm(socket, { force: true });
  }

  /** @returns whether the shared connection heard it */
  async #control(word: 'check' | 'exit', socket: string): Promise<boolean> {
    const argv = sshArguments({ target: this.target, options: quietly('-O', word, '-S', socket) });
    try {
      const { signal } = new AbortController();
      return (await runSsh(argv, { signal, withinMs: CONTROL_MS, doing: `ssh -O ${word}` })).status === 0;
    } catch {
      return false; // It is frozen, or there is no ssh at all.
    }
  }
}

function isIterable(input: ShellRun['input']): boolean {
  return input !== undefined && typeof input !== 'string';
}
