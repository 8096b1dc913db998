import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILES = 8;
const MOST_BYTES = 512 * 1024;
/** At most this share of a small disk. */
const SHARE = 1 / 64;
/** The reserve is created only where this many times its size is free: other files come first. */
const PLENTY = 8;
const KEEP_INTERVAL_MS = 60_000;

/**
 * Disk space and inodes that rbee reserves, so that it can start on a full disk: a daemon writes a pidfile and opens its catalog
 * before it can delete anything.
 */
export class Reserve {
  /** An existing folder on the disk. */
  readonly root: string;
  readonly #folder: string;

  constructor(root: string) {
    this.root = root;
    this.#folder = join(root, 'reserve');
  }

  /** Deletes the reserve if the disk is full. @returns whether it is full */
  releaseWhenFull(): boolean {
    const disk = lookAt(this.root);
    if (disk === undefined || !isShort(disk, 1)) return false;
    rmSync(this.#folder, { recursive: true, force: true });
    return true;
  }

  /** Creates it now and whenever enough space is free. Retries after a failure. */
  keep(): void {
    this.#make();
    setInterval(() => this.#make(), KEEP_INTERVAL_MS).unref();
  }

  #make(): void {
    try {
      const disk = lookAt(this.root);
      if (disk === undefined || isShort(disk, PLENTY)) return;
      mkdirSync(this.#folder, { mode: 0o700, recursive: true });
      const there = new Set(readdirSync(this.#folder));
      for (let number = 0; number < FILES; number += 1) if (!there.has(String(number))) this.#makeFile(number, disk);
    } catch {
      // The disk is full or read-only: the next try may succeed.
    }
  }

  /** Of two daemons that create it at once, the second leaves it to the first. Not zeros: some file systems do not store those. */
  #makeFile(number: number, disk: Disk): void {
    const descriptor = openSync(join(this.#folder, String(number)), 'ax', 0o600);
    try {
      writeFileSync(descriptor, randomBytes(sizeOf(disk) / FILES));
    } finally {
      closeSync(descriptor);
    }
  }
}

/** One for each disk of the folders. */
export function reservesOf(folders: readonly string[]): Reserve[] {
  const disks = new Map(folders.map((folder) => [statSync(folder).dev, folder]));
  return [...disks.values()].map((folder) => new Reserve(folder));
}

interface Disk {
  bytes: number;
  freeBytes: number;
  /** Undefined on file systems without a fixed number of inodes, such as btrfs. */
  freeFiles: number | undefined;
}

function lookAt(folder: string): Disk | undefined {
  try {
    const { bsize, blocks, bavail, files, ffree } = statfsSync(folder);
    return { bytes: blocks * bsize, freeBytes: bavail * bsize, freeFiles: files === 0 ? undefined : ffree };
  } catch {
    return undefined;
  }
}

function sizeOf({ bytes }: Disk): number {
  return Math.floor(Math.min(MOST_BYTES, bytes * SHARE));
}

function isShort(disk: Disk, times: number): boolean {
  return disk.freeBytes < times * sizeOf(disk) || (disk.freeFiles ?? Infinity) < times * FILES;
}
