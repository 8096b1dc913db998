import { JobError } from '../contract/index.ts';

const full = new Set(['ENOSPC', 'EDQUOT']);
const forbidden = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
]);

/** Errors of the path itself. */
const unusable = new Map([
  ['ENOTDIR', 'a part of this path is a file, not a folder'],
  ['ENOENT', 'its folder does not exist and cannot be created'],
  ['EEXIST', 'a file with this name exists'],
  ['ELOOP', 'its symbolic links form a loop'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['EISDIR', 'a folder with this name exists'],
]);

/**
 * Turns an error of the operating system into a sentence that says what to do.
 * `doing` completes "Cannot …" and names the path. Any other error is a bug in rbee, and is thrown as it is.
 */
export function fileError(error: unknown, doing: string): JobError {
  if (error instanceof JobError) return error;
  if (!isSystemError(error)) throw error;
  const { code } = error;
  if (full.has(code)) return new JobError('disk_full', `Cannot ${doing}: the disk is full. Free some space.`, { cause: error });
  const reason = forbidden.get(code);
  const misplaced = unusable.get(code);
  const sentence =
    reason !== undefined
      ? `Cannot ${doing}: ${reason}. Make it writable for your user, or set RBEE_HOME to a folder that is.`
      : misplaced !== undefined
        ? `Cannot ${doing}: ${misplaced}. Set RBEE_HOME to another folder.`
        : `Cannot ${doing}: ${error.message}.`;
  // The sentence says what to do; the hint of the code is about a daemon that has run.
  const isComplete = reason !== undefined || misplaced !== undefined;
  return new JobError('daemon_start_failed', sentence, { cause: error, ...(isComplete ? { hint: '' } : {}) });
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** For a file that may be missing: rethrows every error except ENOENT. */
export function missing(error: unknown): undefined {
  if (isSystemError(error) && error.code === 'ENOENT') return undefined;
  throw error;
}
