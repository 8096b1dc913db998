import { existsSync } from 'node:fs';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../../narration/index.ts';

/** What no kit has needed for so long is fetched, or packed, anew when it is wanted again. No kit takes nearly as long to make and send. */
const KEPT_UNUSED_MS = 30 * 24 * 3_600_000;

/** Whether it is in the cache. From now on it counts as used: no other process takes it away. */
export async function isThere(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch {
    // One that cannot be written can be read all the same.
    return existsSync(path);
  }
}

/** Deletes what lies in these folders and was not used for long, what a killed process left there too. */
export async function forgetUnused(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs <= KEPT_UNUSED_MS) continue;
      await rm(path, { recursive: true, force: true }).catch((cause: unknown) =>
        log.warn({ err: cause, path }, 'what no kit needs any more could not be deleted'),
      );
    }
  }
}
