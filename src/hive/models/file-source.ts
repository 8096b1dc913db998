import { createReadStream, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { JobError } from '../../contract/index.ts';
import type { FileAddress } from './address.ts';
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
  yield* createReadStream(path, { start, signal, highWaterMark: FILE_CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await fs.stat(path);
  } catch (cause) {
    const code = errnoOf(cause);
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'there is no such file on this machine' : String(cause);
    throw new JobError('download_failed', `Cannot read ${path}: ${why}`, { cause });
  }
}
