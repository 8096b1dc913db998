import { statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JobError } from '../contract/index.ts';
import { fileError, isSystemError } from './file-error.ts';

/** Bytes that this user may still write on the disk of `path`, which need not exist yet. */
export async function diskFreeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT' && dirname(path) !== path) return diskFreeBytes(dirname(path));
    throw fileError(error, `read the free disk space at ${path}`);
  }
}

const MB = 1024 ** 2;
const FLOOR = { least: 512 * MB, share: 0.02, most: 5 * 1024 * MB, mostShare: 0.1 };
/** Share of the floor of downloads. Downloads leave space for jobs, and jobs leave space for pidfiles, logs and the catalog. */
const FLOOR_OF_JOBS = 0.25;

/** Bytes that downloads leave free on a disk of this size: 2 % of it, at least 512 MB and at most 5 GB, but never more than a tenth. */
export function floorBytes(diskBytes: number): number {
  const { least, share, most, mostShare } = FLOOR;
  return Math.round(Math.min(Math.max(diskBytes * share, least), most, diskBytes * mostShare));
}

/** A query costs 10 µs, and another program may fill the disk at any time. */
const ASK_INTERVAL_MS = 1_000;

/** The disk space at `folder` that the events of jobs may use. */
export class JobDiskSpace {
  readonly #folder: string;
  #leftBytes = 0;
  #askedAt = -Infinity;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws JobError disk_full when this many bytes would leave less than rbee keeps free */
  take(bytes: number): void {
    if (bytes > this.#leftBytes || performance.now() - this.#askedAt > ASK_INTERVAL_MS) this.#ask();
    if (bytes > this.#leftBytes) {
      const sentence = `The disk is full: the rest of it at ${this.#folder} is reserved for operations that free space. Delete models (rbee model list, rbee model delete <model>) or other files`;
      throw new JobError('disk_full', sentence);
    }
    this.#leftBytes -= bytes;
  }

  #ask(): void {
    this.#askedAt = performance.now();
    try {
      const { bavail, bsize, blocks } = statfsSync(this.#folder);
      // May be negative.
      this.#leftBytes = bavail * bsize - floorBytes(blocks * bsize) * FLOOR_OF_JOBS;
    } catch {
      // The folder was deleted; the write itself will fail.
      this.#leftBytes = Infinity;
    }
  }
}
