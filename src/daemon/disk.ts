import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
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
