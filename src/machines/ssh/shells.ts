import { join } from 'node:path';
import type { SshTarget } from '../../contract/index.ts';
import type { HomePaths } from '../../daemon/index.ts';
import { ControlFolder } from './control-folder.ts';
import { SshShell } from './ssh-shell.ts';
import { Tunnel, type TunnelOptions } from './tunnel.ts';

/** The shells of all machines: one per SSH target, created on demand. */
export class SshShells {
  readonly #folder: ControlFolder;
  readonly #shells = new Map<string, SshShell>();

  constructor({ run }: Pick<HomePaths, 'run'>) {
    this.#folder = new ControlFolder(join(run, 'ssh'));
  }

  /** @throws JobError invalid_input for an invalid target */
  of(target: SshTarget): SshShell {
    const key = JSON.stringify([target.host, target.port, target.user]);
    const known = this.#shells.get(key);
    if (known !== undefined) return known;
    const shell = new SshShell(target, this.#folder);
    this.#shells.set(key, shell);
    return shell;
  }

  /** A tunnel to the same machine, on a connection of its own. Returns at once, connecting. */
  tunnel(target: SshTarget, options: TunnelOptions): Promise<Tunnel> {
    return Tunnel.open(target, { ...options, folder: this.#folder });
  }

  /** Ends all shared connections, also those of a queen that was killed. Leaves no process and no file. */
  async close(): Promise<void> {
    this.#shells.clear();
    await this.#folder.remove();
  }
}
