import { readdir } from 'node:fs/promises';
import { homePaths } from '../../daemon/index.ts';
import { surviving, unwell, well, type Check } from './check.ts';
import { count } from '../show/units.ts';

/** At most this many are named. */
const SHOWN = 10;

/** Damaged files that the daemons of this home have set aside, until the user deletes them. */
export async function checkDamaged(): Promise<Check[]> {
  return [await surviving('damaged', look)];
}

async function look(): Promise<Check> {
  const folder = homePaths().damaged;
  const found = (await readdir(folder).catch(nothing)).toSorted();
  if (found.length === 0) return well('damaged', 'no damaged files found');
  const shown = found.slice(0, SHOWN).map((file) => `${whatItWas(file)} (${file})`);
  const more = found.length > SHOWN ? `, and ${found.length - SHOWN} more` : '';
  const advice = [...new Set(found.flatMap((file) => whatToDo(file) ?? []))];
  return unwell(
    'damaged',
    `${count(found.length, 'thing')} set aside in ${folder}: ${shown.join(', ')}${more}`,
    [...advice, `check the disk. When you no longer need these files: rm -r '${folder}'`].join('; '),
  );
}

const PATTERN = /^(queen|hive)-([a-z_]+)-(.+?)\.(?:json|ndjson)(?:\.\d+)?$/;

function whatItWas(file: string): string {
  const [, role, kind, name] = PATTERN.exec(file) ?? [];
  switch (kind) {
    case undefined:
      return /-(?:wal|shm)(?:\.\d+)?$/.test(file) ? 'a part of a catalog' : 'a catalog; everything readable in it was kept';
    case 'events':
      return `events of ${name} of the ${role}`;
    case 'jobs':
      return `the record of ${name} of the ${role}`;
    case 'hives':
      return `the entry of hive '${name}'`;
    case 'hive_tokens':
      return `the token of hive '${name}'`;
    case 'models':
      return `the entry of model '${name}'`;
    default:
      return `an entry of the ${role}`;
  }
}

/** Undefined where rbee has already repaired what the file held. */
function whatToDo(file: string): string | undefined {
  const [, , kind, name] = PATTERN.exec(file) ?? [];
  if (kind === 'events') return `repeat the request of ${name}`;
  if (kind === 'hives') return `register hive '${name}' again: rbee hive install ${name}, or rbee hive create`;
  if (kind === 'hive_tokens') return `give hive '${name}' a new token: rbee hive install ${name}`;
  if (kind === 'models') return `list model '${name}' again: rbee model download, with --name ${name}`;
  if (kind === undefined && file.startsWith('queen-queen.db')) return 'check that all hives are listed: rbee hive list';
  if (kind === undefined && file.startsWith('hive-hive.db')) return 'check that all models are listed: rbee model list';
  return undefined;
}

/** Most homes have no such folder. */
function nothing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
