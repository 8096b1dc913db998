import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SshTarget } from '../../contract/index.ts';
import { ensureDirectory } from '../../daemon/index.ts';
import { endShared } from './shared-connection.ts';

/** A unix socket's path has at most 104 bytes on macOS; ours is 13 long, and ssh adds 17 while it makes one. */
const FOLDER_LIMIT_BYTES = 104 - 13 - 17 - 1;

/** A folder of this user alone, with a short path, where ssh keeps the sockets of shared connections. */
export class ControlFolder {
  readonly #wanted: string;
  #made: Promise<string> | undefined;

  /** @param wanted taken if its path is short enough, and it can be made; else one in the folder for temporary files */
  constructor(wanted: string) {
    this.#wanted = wanted;
  }

  /** @param generation another one makes another connection */
  async socketOf({ host, port, user }: SshTarget, generation: number): Promise<string> {
    const name = createHash('sha256')
      .update(JSON.stringify([host, port, user, generation]))
      .digest('hex')
      .slice(0, 12);
    return join(await this.#folder(), name);
  }

  /** For a tunnel, which shares its connection only with the request for its port. */
  async socketOfPort(localPort: number): Promise<string> {
    return join(await this.#folder(), `t${localPort}`);
  }

  /** Ends what is left of the connections: a socket that is removed before could never be asked again. */
  async remove(): Promise<void> {
    const made = await this.#made?.catch(() => undefined);
    this.#made = undefined;
    // One that was not used may have been left by a queen that was killed.
    const folder = made ?? ((await isPrivate(this.#wanted).catch(() => false)) ? this.#wanted : undefined);
    if (folder === undefined) return;
    const names = await readdir(folder).catch(() => []);
    await Promise.allSettled(names.map((name) => endShared(join(folder, name))));
    await rm(folder, { recursive: true, force: true });
  }

  /** Made again where it was deleted, and tried again where it could not be made. */
  async #folder(): Promise<string> {
    const before = this.#made;
    const made = await before?.catch(() => undefined);
    if (made !== undefined && (await isPrivate(made).catch(() => false))) return made;
    // Many may find that at once.
    if (this.#made === before) this.#made = undefined;
    return (this.#made ??= make(this.#wanted));
  }
}

async function make(wanted: string): Promise<string> {
  // A percent sign is a pattern to ssh.
  const isFit = Buffer.byteLength(wanted) <= FOLDER_LIMIT_BYTES && !wanted.includes('%');
  if (isFit && (await isPrivate(await ensureDirectory(wanted)))) return wanted;
  const base = Buffer.byteLength(tmpdir()) <= FOLDER_LIMIT_BYTES - 12 ? tmpdir() : '/tmp';
  return mkdtemp(join(base, 'rbee-'));
}

async function isPrivate(path: string): Promise<boolean> {
  const { uid, mode } = await lstat(path);
  return uid === process.getuid?.() && (mode & 0o077) === 0;
}
