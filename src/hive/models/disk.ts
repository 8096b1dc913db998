import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isDiskFullError, JobError } from '../../contract/index.ts';

/** Runs a write; when the disk, or what this user may take of it, is full, says so. */
export async function orDiskFull<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    if (!isDiskFullError(cause)) throw cause;
    throw new JobError('disk_full', `The disk is full: ${file} could not be written`, { cause });
  }
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Makes a rename in this directory last through a power cut. */
export async function syncDirectoryOf(file: string): Promise<void> {
  const directory = await fs.open(path.dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
