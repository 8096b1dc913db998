import { statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JobError } from '../contract/index.ts';
import { fileError, isSystemError } from './file-error.ts';

/** Bytes that this user may still write where `path` is, or will be once its folder is created. */
export async function diskFreeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT' && dirname(path) !== path) return diskFreeBytes(dirname(path));
    throw fileError(error, `ask how much space is left at ${path}`);
  }
}

const MB = 1024 ** 2;
const FLOOR = { least: 512 * MB, share: 0.02, most: 5 * 1024 * MB, mostShare: 0.1 };
/** Of the floor of downloads. What downloads leave is for jobs, and what jobs leave is for everything that must go on. */
const FLOOR_OF_JOBS = 0.25;

/** What downloads leave free of a disk of this size: 2 % of it, at least 512 MB and at most 5 GB, but never more than a tenth. */
export function floorBytes(diskBytes: number): number {
  const { least, share, most, mostShare } = FLOOR;
  return Math.round(Math.min(Math.max(diskBytes * share, least), most, diskBytes * mostShare));
}

/** Asking the system costs 10 µs, and another program may fill the disk at any time. */
const ASK_INTERVAL_MS = 1_000;

/** The part of the disk at `folder` that the events of jobs may fill. */
export class RoomForJobs {
  readonly #folder: string;
  #leftBytes = 0;
  #askedAt = -Infinity;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws JobError disk_full when so many more bytes would leave less than rbee keeps free */
  take(bytes: number): void {
    if (bytes > this.#leftBytes || performance.now() - this.#askedAt > ASK_INTERVAL_MS) this.#ask();
    if (bytes > this.#leftBytes) {
      const sentence = `The disk is full: what is left of it at ${this.#folder} is kept for what makes room. Delete models that are not needed (rbee model list, rbee model delete <model>), or other files`;
      throw new JobError('disk_full', sentence);
    }
    this.#leftBytes -= bytes;
  }

  #ask(): void {
    this.#askedAt = performance.now();
    try {
      const { bavail, bsize, blocks } = statfsSync(this.#folder);
      // Below zero there is no room even for nothing.
      this.#leftBytes = bavail * bsize - floorBytes(blocks * bsize) * FLOOR_OF_JOBS;
    } catch {
      // A folder that was deleted: the write itself will tell.
      this.#leftBytes = Infinity;
    }
  }
}
