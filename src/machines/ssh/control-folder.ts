import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SshTarget } from '../../contract/index.ts';
import { ensureDirectory } from '../../daemon/index.ts';
import { endShared } from './shared-connection.ts';

/** On macOS, the path of a unix socket has at most 104 bytes; a name here takes 13, and ssh adds 17 while it creates the socket. */
const FOLDER_LIMIT_BYTES = 104 - 13 - 17 - 1;

/** The folder for the control sockets of shared connections: private to this user, with a short path. */
export class ControlFolder {
  readonly #wanted: string;
  #made: Promise<string> | undefined;

  /** @param wanted used if its path is short enough and it can be created; otherwise a folder in the folder for temporary files */
  constructor(wanted: string) {
    this.#wanted = wanted;
  }

  /** @param generation a new number opens a new connection */
  async socketOf({ host, port, user }: SshTarget, generation: number): Promise<string> {
    const name = createHash('sha256')
      .update(JSON.stringify([host, port, user, generation]))
      .digest('hex')
      .slice(0, 12);
    return join(await this.#folder(), name);
  }

  /** For a tunnel, whose connection is shared only with the request for its port. */
  async socketOfPort(localPort: number): Promise<string> {
    return join(await this.#folder(), `t${localPort}`);
  }

  /** Ends the remaining connections first: without its socket, a connection can no longer be ended by ssh. */
  async remove(): Promise<void> {
    const made = await this.#made?.catch(() => undefined);
    this.#made = undefined;
    // An unused folder may contain the sockets of a queen that was killed.
    const folder = made ?? ((await isPrivate(this.#wanted).catch(() => false)) ? this.#wanted : undefined);
    if (folder === undefined) return;
    const names = await readdir(folder).catch(() => []);
    await Promise.allSettled(names.map((name) => endShared(join(folder, name))));
    await rm(folder, { recursive: true, force: true });
  }

  /** Created again where it was deleted, and retried where it could not be created. */
  async #folder(): Promise<string> {
    const before = this.#made;
    const made = await before?.catch(() => undefined);
    if (made !== undefined && (await isPrivate(made).catch(() => false))) return made;
    // Several callers may find that at once.
    if (this.#made === before) this.#made = undefined;
    return (this.#made ??= make(this.#wanted));
  }
}

async function make(wanted: string): Promise<string> {
  // ssh expands percent signs.
  const isFit = Buffer.byteLength(wanted) <= FOLDER_LIMIT_BYTES && !wanted.includes('%');
  if (isFit && (await isPrivate(await ensureDirectory(wanted)))) return wanted;
  const base = Buffer.byteLength(tmpdir()) <= FOLDER_LIMIT_BYTES - 12 ? tmpdir() : '/tmp';
  return mkdtemp(join(base, 'rbee-'));
}

async function isPrivate(path: string): Promise<boolean> {
  const { uid, mode } = await lstat(path);
  return uid === process.getuid?.() && (mode & 0o077) === 0;
}
