import * as fs from 'node:fs';
import * as path from 'node:path';
import { JobError } from '../../contract/index.ts';
import { OPEN_LOGS_LIMIT } from '../limits.ts';

export const SUFFIX = '.ndjson';

export interface OpenLog {
  descriptor: number;
  sizeBytes: number;
}

/** The logs that were appended to last; the oldest makes room for the next. */
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

  /** A system that allows fewer open files than we would like is asked again with half of ours closed. */
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
      // A network disk reports here what it could not keep. That is one log, whose readers find the damage, as after a crash.
    }
  }

  closeAll(): void {
    for (const jobId of [...this.#files.keys()]) this.close(jobId);
  }
}

/** All or nothing: what a full disk took of the text is cut off again. */
export function write(file: OpenLog, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  try {
    while (written < bytes.length) written += fs.writeSync(file.descriptor, bytes, written);
  } catch (cause) {
    if (written > 0) fs.ftruncateSync(file.descriptor, file.sizeBytes);
    throw asDiskFull(cause);
  }
  file.sizeBytes += bytes.length;
}

function orDiskFull<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw asDiskFull(cause);
  }
}

/** Only a folder that is not there any more keeps a log from being made so. */
function asGone(cause: unknown, directory: string): unknown {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) return cause;
  const sentence = `The folder ${directory} was deleted or moved while this daemon was running: it ends`;
  return new JobError('shutting_down', sentence, { cause });
}

function asDiskFull(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return cause;
  return new JobError('disk_full', 'The disk is full: the events of this job could not be written', { cause });
}
