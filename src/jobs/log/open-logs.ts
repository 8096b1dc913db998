import * as fs from 'node:fs';
import * as path from 'node:path';
import { isDiskFullError, JobError } from '../../contract/index.ts';
import { OPEN_LOGS_LIMIT } from '../limits.ts';

export const SUFFIX = '.ndjson';

export interface OpenLog {
  descriptor: number;
  sizeBytes: number;
}

/** The open files of the logs that were appended to last; the least recently used one is closed for the next. */
export class OpenLogs {
  readonly #directory: string;
  readonly #files = new Map<string, OpenLog>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(jobId: string): string {
    return path.join(this.#directory, `${jobId}${SUFFIX}`);
  }

  get(jobId: string): OpenLog {
    return this.#files.get(jobId) ?? this.#open(jobId);
  }

  #open(jobId: string): OpenLog {
    if (this.#files.size >= OPEN_LOGS_LIMIT) this.#closeOldest(1);
    const descriptor = this.openFile(this.pathOf(jobId), 'a');
    const file = { descriptor, sizeBytes: fs.fstatSync(descriptor).size };
    this.#files.set(jobId, file);
    return file;
  }

  /** To read. Undefined when there is no such log. */
  openToRead(jobId: string): number | undefined {
    try {
      return this.openFile(this.pathOf(jobId), 'r');
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  /** Where the system's limit of open files is reached, half of the logs are closed, and the file is opened again. */
  openFile(file: string, flags: 'a' | 'r'): number {
    try {
      return fs.openSync(file, flags, 0o600);
    } catch (cause) {
      const isTooMany = cause instanceof Error && 'code' in cause && cause.code === 'EMFILE' && this.#files.size > 0;
      if (!isTooMany) throw flags === 'a' ? asGone(asDiskFull(cause), this.#directory) : asDiskFull(cause);
    }
    this.#closeOldest(Math.ceil(this.#files.size / 2));
    return orDiskFull(() => fs.openSync(file, flags, 0o600));
  }

  #closeOldest(count: number): void {
    let left = count;
    for (const jobId of this.#files.keys()) {
      if (left === 0) return;
      this.close(jobId);
      left -= 1;
    }
  }

  close(jobId: string): void {
    const file = this.#files.get(jobId);
    if (file === undefined) return;
    this.#files.delete(jobId);
    try {
      fs.closeSync(file.descriptor);
    } catch {
      // A network disk reports a failed write only here. That damages one log, and its readers detect it, as after a crash.
    }
  }

  closeAll(): void {
    for (const jobId of [...this.#files.keys()]) this.close(jobId);
  }
}

/** All or nothing: a part that was written before the disk was full is cut off again. */
export function write(file: OpenLog, texts: readonly string[]): void {
  let written = 0;
  try {
    for (const text of texts) {
      for (const bytes of encoded(text)) {
        for (let at = 0; at < bytes.length;) {
          const count = fs.writeSync(file.descriptor, bytes, at);
          at += count;
          written += count;
        }
      }
    }
  } catch (cause) {
    if (written > 0) fs.ftruncateSync(file.descriptor, file.sizeBytes);
    throw asDiskFull(cause);
  }
  file.sizeBytes += written;
}

/** For a text of megabytes, one buffer is reused for each piece: allocating one of the full size takes longer than the write. */
const PIECE = Buffer.allocUnsafe(256 * 1024);
const encoder = new TextEncoder();

function* encoded(text: string): Generator<Buffer, void, void> {
  if (text.length <= PIECE.length) return yield Buffer.from(text);
  for (let from = 0; from < text.length;) {
    const end = from + PIECE.length;
    // A surrogate pair is not split.
    const isSplit = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
    const { read, written } = encoder.encodeInto(text.slice(from, isSplit ? end - 1 : end), PIECE);
    yield PIECE.subarray(0, written);
    from += read;
  }
}

function orDiskFull<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw asDiskFull(cause);
  }
}

/** Creating a log fails with ENOENT only when its folder is gone. */
function asGone(cause: unknown, directory: string): unknown {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) return cause;
  const sentence = `The folder ${directory} was deleted or moved while this daemon was running: the daemon exits`;
  return new JobError('shutting_down', sentence, { cause });
}

function asDiskFull(cause: unknown): unknown {
  if (!isDiskFullError(cause)) return cause;
  return new JobError('disk_full', 'The disk is full: the events of this job could not be written', { cause });
}
