import { JobError } from '../contract/index.ts';

const full = new Set(['ENOSPC', 'EDQUOT']);
const forbidden = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
]);

/** What is wrong with a path itself. */
const unusable = new Map([
  ['ENOTDIR', 'a part of this path is a file, and not a folder'],
  ['ENOENT', 'there is no folder, and none can be made'],
  ['EEXIST', 'a file is in its way'],
  ['ELOOP', 'its symbolic links go in circles'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['EISDIR', 'there is a folder of that name'],
]);

/**
 * Turns what the operating system says about a file into a sentence that says what to do.
 * `doing` completes "Cannot …" and names the path. What is not the system's word (a defect of ours) is thrown on as it is.
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
        ? `Cannot ${doing}: ${misplaced}. Set RBEE_HOME to a folder that can be used.`
        : `Cannot ${doing}: ${error.message}.`;
  // The sentence says what to do; the hint of the code is for a daemon that ran.
  const isComplete = reason !== undefined || misplaced !== undefined;
  return new JobError('daemon_start_failed', sentence, { cause: error, ...(isComplete ? { hint: '' } : {}) });
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** For files that may rightly be missing: the error is thrown on unless it says that there is no such file. */
export function missing(error: unknown): undefined {
  if (isSystemError(error) && error.code === 'ENOENT') return undefined;
  throw error;
}
