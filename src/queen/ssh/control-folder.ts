import { createHash } from 'node:crypto';
import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SshTarget } from '../../contract/index.ts';
import { ensureDirectory } from '../../daemon/index.ts';

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

  async socketOf({ host, port, user }: SshTarget): Promise<string> {
    this.#made ??= make(this.#wanted);
    const name = createHash('sha256')
      .update(JSON.stringify([host, port, user]))
      .digest('hex')
      .slice(0, 12);
    return join(await this.#made, name);
  }

  /** For a tunnel, which shares its connection only with the request for its port. */
  async socketOfPort(localPort: number): Promise<string> {
    this.#made ??= make(this.#wanted);
    return join(await this.#made, `t${localPort}`);
  }

  /** To be called when no connection is left. */
  async remove(): Promise<void> {
    const made = this.#made;
    this.#made = undefined;
    if (made !== undefined) await rm(await made, { recursive: true, force: true });
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
