import { existsSync } from 'node:fs';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../../narration/index.ts';

/** Entries unused for longer than this are deleted, and fetched or packed again when needed. Far longer than any kit takes to make and send. */
const KEPT_UNUSED_MS = 30 * 24 * 3_600_000;

/** Whether an entry is in the cache. It counts as used now, so that no other process deletes it. */
export async function isCached(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch {
    // A read-only entry can still be used.
    return existsSync(path);
  }
}

/** Deletes old unused entries in these folders, including leftovers of killed processes. */
export async function deleteUnused(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs <= KEPT_UNUSED_MS) continue;
      await rm(path, { recursive: true, force: true }).catch((cause: unknown) =>
        log.warn({ err: cause, path }, 'an unused cache entry could not be deleted'),
      );
    }
  }
}
