/** What the system's errors mean, by their codes, as the reason at the end of a message: "Cannot read x: permission denied". */

export const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed',
  EPIPE: 'connection closed',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'no route to host',
  EHOSTDOWN: 'no route to host',
  ENETUNREACH: 'no route to host',
  ETIMEDOUT: 'connection timed out',
};

export const FILE_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'no such file',
  ENOTDIR: 'a part of this path is a file, not a folder',
  EISDIR: 'a folder with this name exists',
  EEXIST: 'a file with this name exists',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'the path is too long',
  ERR_INVALID_ARG_VALUE: 'a path cannot contain a null character',
};

/** Whether a write failed because the disk, or the user's quota of it, is full. */
export function isDiskFullError(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
}
