import { JobError, sshName, type SshTarget } from '../../contract/index.ts';
import type { ControlFolder } from './control-folder.ts';
import { isBrokenShare, outputOf } from './failure.ts';
import { Frame } from './frame.ts';
import { quietly, requireTarget, sshArguments } from './openssh.ts';
import { runSsh } from './run-ssh.ts';
import { pidOfShared } from './shared-connection.ts';
import type { Shell, ShellRun } from './shell.ts';

/** ssh closes the shared connection after this long without use, even if the queen no longer runs. */
const SHARE_KEPT_S = 60;

/**
 * A machine's shell through the system's ssh. Commands share one connection, so only the first has to log in.
 * A command that is given up is killed on this side; on the other, its stdin and stdout are closed.
 */
export class SshShell implements Shell {
  readonly target: SshTarget;
  readonly #folder: ControlFolder;
  /** Of the shared connection. */
  #generation = 0;
  #replacing: Promise<void> | undefined;

  /** @throws JobError invalid_input for an invalid target */
  constructor(target: SshTarget, folder: ControlFolder) {
    requireTarget(target);
    this.target = target;
    this.#folder = folder;
  }

  async run(script: string, { args = [], ...run }: ShellRun): Promise<string> {
    const end = performance.now() + run.withinMs;
    await this.#replacing;
    const generation = this.#generation;
    const socket = await this.#folder.socketOf(this.target, generation);
    const options = quietly('-o', 'ControlMaster=auto', '-S', socket, '-o', `ControlPersist=${SHARE_KEPT_S}`);
    const once = async () => {
      const frame = new Frame();
      const argv = sshArguments({ target: this.target, options, command: frame.command(script, args) });
      const doing = `A command on ${sshName(this.target)}`;
      return { frame, ending: await runSsh(argv, { ...run, frame, withinMs: end - performance.now(), doing }) };
    };
    try {
      const first = await once();
      // Nothing has run there yet, and no input was read.
      const again = first.ending.status === 255 && !first.frame.begun && isBrokenShare(first.ending.stderr);
      return outputOf(again ? await once() : first, this.target);
    } catch (error) {
      if (!(error instanceof JobError) || error.code === 'deadline_exceeded')
        this.#replacing = this.#replaceIfDead(socket, generation);
      throw error;
    }
  }

  /**
   * A shared connection that does not answer would also block every later command, so the next one opens its own. At another path:
   * the old process removes its socket when it ends, and must not remove the new one.
   */
  async #replaceIfDead(socket: string, generation: number): Promise<void> {
    if ((await pidOfShared(socket)) === undefined) this.#generation = generation + 1;
  }
}
