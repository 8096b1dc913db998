import { stat } from 'node:fs/promises';
import { JobError } from '../contract/index.ts';
import { isSystemError } from './file-error.ts';
import { readPidfile, writePidfile, type Pidfile } from './pidfile.ts';

interface HomeWatch {
  folders: readonly string[];
  everyMs: number;
  /** Called once when one of the folders is not what it was: deleted, moved, or replaced by another of its name. */
  onGone: (folder: string) => void;
  /** Called with each look that finds all of them. */
  onThere?: () => Promise<void>;
}

/**
 * Looks again and again whether the folders are still those that they were: what a daemon writes after that nobody finds. Keeps no process
 * alive. @returns what ends it
 */
export async function watchHome({ folders, everyMs, onGone, onThere }: HomeWatch): Promise<() => void> {
  const before = new Map<string, number>();
  for (const folder of folders) {
    const { ino } = await stat(folder);
    before.set(folder, ino);
  }
  let isLooking = false;
  let isOver = false;
  const end = () => {
    isOver = true;
    clearInterval(timer);
  };
  const look = async () => {
    const gone = await firstGone(before);
    if (isOver) return;
    if (gone === undefined) return onThere?.();
    end();
    onGone(gone);
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => {
      isLooking = false;
    });
  }, everyMs).unref();
  return end;
}

/**
 * To be called by a daemon before it starts another, which would make the home anew: the two may notice in either order that it is gone.
 * @throws JobError shutting_down
 */
export async function requireHome(run: string): Promise<void> {
  if (await isMissing(run)) throw new JobError('shutting_down', `The folder ${run} was deleted or moved: this daemon ends`);
}

/**
 * Writes this process's pidfile again where it was damaged or deleted, or nobody could find the process to end it. Only at the second look:
 * while a home is being deleted, its pidfiles go before their folder.
 */
export function pidfileKeeper(run: string, own: () => Omit<Pidfile, 'pid' | 'started'>): () => Promise<void> {
  let misses = 0;
  return async () => {
    try {
      const { kind } = await readPidfile(run, own().name);
      misses = kind === 'found' ? 0 : misses + 1;
      if (misses >= 2) await writePidfile(run, own());
    } catch {
      // On a full disk for example: the next look tries again.
    }
  };
}

async function firstGone(before: ReadonlyMap<string, number>): Promise<string | undefined> {
  for (const [folder, ino] of before) if (await isGone(folder, ino)) return folder;
  return undefined;
}

async function isGone(folder: string, ino: number): Promise<boolean> {
  const now = await stat(folder).catch(() => undefined);
  return now === undefined ? isMissing(folder) : now.ino !== ino;
}

/** A disk that hangs or fails for a moment is not one that is gone. */
async function isMissing(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return false;
  } catch (error) {
    return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
  }
}
