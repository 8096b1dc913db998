import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { FILE_WORDS, JobError } from '../../contract/index.ts';
import { withoutSecrets, type FileAddress } from './address.ts';
import { errnoOf } from './disk.ts';
import { FILE_CHUNK_BYTES } from './limits.ts';
import type { Source } from './source.ts';

export function openFileSource({ path, label }: FileAddress, hiveId: string): Source {
  return {
    label,
    async open(from, signal) {
      const stats = await fs.stat(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause, hiveId)));
      if (!stats.isFile()) throw new JobError('download_failed', `${path} is not a file on the machine of hive '${hiveId}'`);
      const version = `${stats.size}-${stats.mtimeMs}-${stats.ino}`;
      const offset = from.version === version && from.offset <= stats.size ? from.offset : 0;
      return { offset, version, total: stats.size, body: read({ path, hiveId }, { start: offset, signal }) };
    },
    close: async () => {},
  };
}

/** Opens the file at the first read, so that a source that is never read needs no close. */
async function* read(
  { path, hiveId }: { path: string; hiveId: string },
  { start, signal }: { start: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, void> {
  const pieces = createReadStream(path, { start, signal, highWaterMark: FILE_CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
  const reading = pieces[Symbol.asyncIterator]();
  try {
    for (let step = await next(); !step.done; step = await next()) yield step.value;
  } finally {
    await reading.return?.();
  }

  /** Only errors of the read itself, not those of the consumer of the pieces. */
  function next(): Promise<IteratorResult<Uint8Array>> {
    return reading.next().catch((cause: unknown) => {
      signal.throwIfAborted();
      throw unreadable(path, cause, hiveId);
    });
  }
}

function unreadable(path: string, cause: unknown, hiveId: string): JobError {
  const code = errnoOf(cause) ?? '';
  const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
  const absent = `there is no such file on the machine of hive '${hiveId}', where paths are looked up`;
  const why = isAbsent ? absent : (FILE_WORDS[code] ?? `the system says ${code}`);
  const shown = withoutSecrets(path).replaceAll('\0', ' ');
  return new JobError('download_failed', `Cannot read ${shown}: ${why}`, { cause });
}
