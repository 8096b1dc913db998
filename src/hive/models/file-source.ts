import { createReadStream, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { JobError } from '../../contract/index.ts';
import { withoutSecrets, type FileAddress } from './address.ts';
import { errnoOf } from './disk.ts';
import { FILE_CHUNK_BYTES } from './limits.ts';
import type { Source } from './source.ts';

export function openFileSource({ path, label }: FileAddress): Source {
  return {
    label,
    async open(from, signal) {
      const stats = await statOf(path);
      if (!stats.isFile()) throw new JobError('download_failed', `${path} is not a file`);
      const version = `${stats.size}-${stats.mtimeMs}-${stats.ino}`;
      const offset = from.version === version && from.offset <= stats.size ? from.offset : 0;
      return { offset, version, total: stats.size, body: read(path, offset, signal) };
    },
    close: async () => {},
  };
}

/** Opens the file when its first byte is asked for, so that nobody has to close what was never read. */
async function* read(path: string, start: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const pieces = createReadStream(path, { start, signal, highWaterMark: FILE_CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
  const reading = pieces[Symbol.asyncIterator]();
  try {
    for (let step = await next(); !step.done; step = await next()) yield step.value;
  } finally {
    await reading.return?.();
  }

  /** Only what the reading itself throws: what becomes of the pieces is the reader's affair. */
  function next(): Promise<IteratorResult<Uint8Array>> {
    return reading.next().catch((cause: unknown) => {
      signal.throwIfAborted();
      throw unreadable(path, cause);
    });
  }
}

function unreadable(path: string, cause: unknown): JobError {
  const code = errnoOf(cause) ?? '';
  const why = WHY[code] ?? `the system says ${code}`;
  const shown = withoutSecrets(path).replaceAll('\0', ' ');
  return new JobError('download_failed', `Cannot read ${shown}: ${why}`, { cause });
}

const WHY: Record<string, string> = {
  ENOENT: 'there is no such file on this machine',
  ENOTDIR: 'there is no such file on this machine',
  EACCES: 'permission denied',
  ELOOP: 'its symbolic links go in circles',
  ENAMETOOLONG: 'the path is too long',
  ERR_INVALID_ARG_VALUE: 'a path cannot hold a null character',
};

async function statOf(path: string): Promise<Stats> {
  try {
    return await fs.stat(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
