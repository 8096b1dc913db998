import * as fs from 'node:fs';
import * as path from 'node:path';

/**
 * The folder for what turned out to be damaged, beside what it belonged to. Nothing in it is read by rbee again: it is kept for
 * the user, who may delete it, and is named by `rbee doctor` until then.
 */
export interface SetAside {
  /** Keeps bytes. @param name such as 'jobs-job-1234.json'; the role's name is put before it */
  keep(name: string, bytes: Buffer | string): void;
  /** Moves a file or folder here, from the same file system. */
  move(file: string, name: string): void;
  /** Keeps a file that stays where it is as well. */
  copy(file: string, name: string): void;
  /** Says in the daemon's log what was damaged, and what happens now. */
  report(sentence: string): void;
}

export interface SetAsideOptions {
  folder: string;
  /** Whose it was: 'queen' or 'hive'. */
  owner: string;
  report: (sentence: string) => void;
}

/** The folder is made when the first thing comes. */
export function openSetAside({ folder, owner, report }: SetAsideOptions): SetAside {
  const placeFor = (name: string) => {
    // Not those above it: a home that was deleted is not begun again for what was damaged in it.
    if (!fs.existsSync(folder)) fs.mkdirSync(folder, { mode: 0o700 });
    return freePlace(folder, `${owner}-${name.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 120)}`);
  };
  return {
    keep: (name, bytes) => fs.writeFileSync(placeFor(name), bytes, { mode: 0o600, flag: 'wx' }),
    move: (file, name) => fs.renameSync(file, placeFor(name)),
    copy: (file, name) => linkOrCopy(file, placeFor(name)),
    report,
  };
}

/** What was set aside before stays, whatever it is called. */
function freePlace(folder: string, name: string): string {
  for (let count = 1; ; count += 1) {
    const place = path.join(folder, count === 1 ? name : `${name}.${count}`);
    if (!fs.existsSync(place)) return place;
  }
}

/** A second name costs no space; a file system that has none gets a copy. */
function linkOrCopy(file: string, place: string): void {
  try {
    fs.linkSync(file, place);
  } catch {
    fs.cpSync(file, place, { recursive: true });
  }
}
