import { FILE_WORDS, isDiskFullError, JobError } from '../contract/index.ts';

const forbidden = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Errors of the path itself. */
const unusable = new Set(['ENOTDIR', 'ENOENT', 'EEXIST', 'ELOOP', 'ENAMETOOLONG', 'EISDIR']);

/**
 * Turns an error of the operating system into a sentence that says what to do.
 * `doing` completes "Cannot …" and names the path. Any other error is a bug in rbee, and is thrown as it is.
 */
export function fileError(error: unknown, doing: string): JobError {
  if (error instanceof JobError) return error;
  if (!isSystemError(error)) throw error;
  const { code } = error;
  if (isDiskFullError(error))
    return new JobError('disk_full', `Cannot ${doing}: the disk is full. Free some space.`, { cause: error });
  const reason = code === 'ENOENT' ? 'its folder does not exist and cannot be created' : (FILE_WORDS[code] ?? error.message);
  const advice = adviceFor(code);
  // The sentence says what to do; the hint of the code is about a daemon that has run.
  const hint = advice === '' ? {} : { hint: '' };
  return new JobError('daemon_start_failed', `Cannot ${doing}: ${reason}.${advice}`, { cause: error, ...hint });
}

function adviceFor(code: string): string {
  if (forbidden.has(code)) return ' Make it writable for your user, or set RBEE_HOME to a folder that is.';
  return unusable.has(code) ? ' Set RBEE_HOME to another folder.' : '';
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** For a file that may be missing: rethrows every error except ENOENT. */
export function missing(error: unknown): undefined {
  if (isSystemError(error) && error.code === 'ENOENT') return undefined;
  throw error;
}
