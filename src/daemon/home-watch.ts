import { stat } from 'node:fs/promises';
import { JobError } from '../contract/index.ts';
import { isSystemError } from './file-error.ts';
import { readPidfile, writePidfile, type Pidfile } from './pidfile.ts';

interface HomeWatch {
  folders: readonly string[];
  everyMs: number;
  /** Called once when one of the folders was deleted, moved or replaced. */
  onGone: (folder: string) => void;
  /** Called after each check that finds all of them. */
  onThere?: () => Promise<void>;
}

/**
 * Checks periodically whether the folders are still the same: in a replaced folder, other processes would not find a daemon's files. Keeps
 * no process alive. @returns a function that stops it
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
 * Called by a daemon before it starts another one, which would create a deleted home again.
 * @throws JobError shutting_down
 */
export async function requireHome(run: string): Promise<void> {
  if (await isMissing(run)) throw new JobError('shutting_down', `The folder ${run} was deleted or moved: this daemon exits`);
}

/**
 * Restores this process's pidfile if it was damaged or deleted, so that the process can still be found and stopped. Only after a second
 * check: while a home is being deleted, its pidfiles disappear before their folder.
 */
export function pidfileKeeper(run: string, own: () => Omit<Pidfile, 'pid' | 'started'>): () => Promise<void> {
  let misses = 0;
  return async () => {
    try {
      const { kind } = await readPidfile(run, own().name);
      misses = kind === 'found' ? 0 : misses + 1;
      if (misses >= 2) await writePidfile(run, own());
    } catch {
      // For example on a full disk: the next check tries again.
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

/** A disk that hangs or fails temporarily is not a deleted folder. */
async function isMissing(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return false;
  } catch (error) {
    return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
  }
}
