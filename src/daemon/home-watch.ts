import { stat } from 'node:fs/promises';
import { isSystemError } from './file-error.ts';

/**
 * Looks every `everyMs` whether the folders are still those that they were, and calls back once when one is not: deleted, moved, or
 * replaced by another of its name. What a daemon writes after that nobody finds again. Keeps no process alive.
 */
export async function watchFolders(folders: readonly string[], everyMs: number, onGone: (folder: string) => void): Promise<void> {
  const before = new Map<string, number>();
  for (const folder of folders) {
    const { ino } = await stat(folder);
    before.set(folder, ino);
  }
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void firstGone(before).then((folder) => {
      isLooking = false;
      if (folder === undefined) return;
      clearInterval(timer);
      onGone(folder);
    });
  }, everyMs).unref();
}

async function firstGone(before: ReadonlyMap<string, number>): Promise<string | undefined> {
  for (const [folder, ino] of before) if (await isGone(folder, ino)) return folder;
  return undefined;
}

/** A disk that hangs or fails for a moment is not one that is gone. */
async function isGone(folder: string, ino: number): Promise<boolean> {
  try {
    return (await stat(folder)).ino !== ino;
  } catch (error) {
    return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
  }
}
