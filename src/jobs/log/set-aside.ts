import * as fs from 'node:fs';
import * as path from 'node:path';

/**
 * The folder for damaged files, beside the data that they belonged to. rbee never reads them again: they are kept for the user, who
 * may delete the folder; `rbee doctor` names it until then.
 */
export interface SetAside {
  /** Keeps bytes. @param name such as 'jobs-job-1234.json'; the role's name is put before it */
  keep(name: string, bytes: Buffer | string): void;
  /** Moves a file or folder here, from the same file system. */
  move(file: string, name: string): void;
  /** Keeps a file that stays where it is as well. */
  copy(file: string, name: string): void;
  /** Reports in the daemon's log what was damaged, and what happens now. */
  report(sentence: string): void;
}

export interface SetAsideOptions {
  folder: string;
  /** The role that the data belonged to: 'queen' or 'hive'. */
  owner: string;
  report: (sentence: string) => void;
}

/** The folder is created for the first damaged file. */
export function openSetAside({ folder, owner, report }: SetAsideOptions): SetAside {
  const placeFor = (name: string) => {
    // Without its parents: a deleted home is not created again for a damaged file.
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

/** A free name: earlier files in the folder are not overwritten. */
function freePlace(folder: string, name: string): string {
  for (let count = 1; ; count += 1) {
    const place = path.join(folder, count === 1 ? name : `${name}.${count}`);
    if (!fs.existsSync(place)) return place;
  }
}

/** A hard link takes no space; a file system without hard links gets a copy. */
function linkOrCopy(file: string, place: string): void {
  try {
    fs.linkSync(file, place);
  } catch {
    fs.cpSync(file, place, { recursive: true });
  }
}
