import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { JobError, type SshTarget } from '../../contract/index.ts';
import type { ControlFolder } from './control-folder.ts';
import { isBrokenShare, outputOf } from './failure.ts';
import { Frame } from './frame.ts';
import { quietly, requireTarget, sshArguments, targetName } from './openssh.ts';
import { runSsh } from './run-ssh.ts';
import type { Shell, ShellRun } from './shell.ts';

/** The shared connection ends when nobody has used it for this long, also where nobody is left to end it. */
const SHARE_KEPT_S = 60;
const CONTROL_MS = 1_000;
const ENDED_EVERY_MS = 10;

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
    const options = quietly('-o', 'ControlMaster=auto', '-S', socket, '-o', `ControlPersist=${SHARE_KEPT_S}`);
    const once = async () => {
      const frame = new Frame();
      const argv = sshArguments({ target: this.target, options, command: frame.command(script, args) });
      const doing = `A command on ${targetName(this.target)}`;
      return { frame, ending: await runSsh(argv, { ...run, frame, withinMs: end - performance.now(), doing }) };
    };
    try {
      const first = await once();
      // Then nothing has run there, nor has any input been taken.
      const again = first.ending.status === 255 && !first.frame.begun && isBrokenShare(first.ending.stderr);
      return outputOf(again ? await once() : first, this.target);
    } catch (error) {
      if (!(error instanceof JobError) || error.code === 'deadline_exceeded') this.#mending = this.#mend(socket);
      throw error;
    }
  }

  /** Ends the shared connection, if there is one. It and its proxy's command are gone then, not only asked to go. */
  async close(): Promise<void> {
    if (!this.#isUsed) return;
    const socket = await this.#socket();
    const said = await this.#control('check', socket);
    if ((await this.#control('exit', socket)) === undefined) await rm(socket, { force: true });
    const pid = Number(/pid=(\d+)/.exec(said ?? '')?.[1] ?? 0);
    const until = Date.now() + CONTROL_MS;
    while (pid > 1 && isRunning(pid) && Date.now() < until) await delay(ENDED_EVERY_MS);
  }

  async #socket(): Promise<string> {
    this.#isUsed = true;
    await this.#mending;
    return this.#folder.socketOf(this.target);
  }

  /** A shared connection that does not answer would hold every later command as well, so the next one makes its own. */
  async #mend(socket: string): Promise<void> {
    if ((await this.#control('check', socket)) === undefined) await rm(socket, { force: true });
  }

  /** @returns what the shared connection answered; undefined where none did */
  async #control(word: 'check' | 'exit', socket: string): Promise<string | undefined> {
    const argv = sshArguments({ target: this.target, options: quietly('-O', word, '-S', socket) });
    try {
      const { signal } = new AbortController();
      const { status, stderr } = await runSsh(argv, { signal, withinMs: CONTROL_MS, doing: `ssh -O ${word}` });
      return status === 0 ? stderr : undefined;
    } catch {
      return undefined; // It is frozen, or there is no ssh at all.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
