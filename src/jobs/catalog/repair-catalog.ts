import * as fs from 'node:fs';
import * as path from 'node:path';
import { createTable, DamagedCatalog, openLibsql, openSqliteFile, type SqliteFile } from './catalog-file.ts';
import { isWord } from './catalog.ts';
import { hasForeignWal } from './foreign-wal.ts';
import { salvage, type Row } from './salvage.ts';
import type { SetAside } from '../log/set-aside.ts';

/** The files that belong to a SQLite file. */
const COMPANIONS = ['-wal', '-shm'];

/** Opens the file; a damaged one is set aside first, and its readable documents are written to a new one. */
export function openWhole(file: string, aside: SetAside): { sqlite: SqliteFile; isRepaired: boolean } {
  for (const each of ['', ...COMPANIONS]) moveFolderAside(file + each, aside);
  moveForeignWalAside(file, aside);
  const scratch = `${file}.salvage`;
  try {
    return { sqlite: openSqliteFile(file, () => copyWithWal(file, scratch)), isRepaired: false };
  } catch (cause) {
    if (!(cause instanceof DamagedCatalog)) throw cause;
    aside.report(replaceDamaged(file, { aside, scratch }));
    return { sqlite: openSqliteFile(file), isRepaired: true };
  } finally {
    removeWithCompanions(scratch);
  }
}

/** A document that cannot be used, for the user to look at. @param key as it was stored */
export function setDocumentAside(
  aside: SetAside,
  { collection, key, json }: { collection: string; key: string; json: string },
): void {
  const name = parsedKey(key) ?? key;
  try {
    aside.keep(`${collection}-${name}.json`, json);
  } catch {
    return aside.report(`A document of '${collection}' is damaged: '${name}'. It could not be set aside.`);
  }
  aside.report(`A document of '${collection}' is damaged and set aside: '${name}'`);
}

export function parsedDocument(json: string): object | undefined {
  const value = parsed(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

export function parsedKey(key: string): string | undefined {
  const value = parsed(key);
  return typeof value === 'string' ? value : undefined;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * After a crash at any step, the next start repeats the repair: until the last step, the damaged file is in its place.
 * @returns what happened, in a sentence
 */
function replaceDamaged(file: string, { aside, scratch }: { aside: SetAside; scratch: string }): string {
  const { base } = path.parse(file);
  for (const each of ['', '-wal']) if (fs.existsSync(scratch + each)) aside.copy(scratch + each, base + each);
  const fresh = `${file}.new`;
  removeWithCompanions(fresh);
  const kept = writeFresh(fresh, salvage(scratch), aside);
  for (const each of COMPANIONS) fs.rmSync(file + each, { force: true });
  fs.renameSync(fresh, file);
  return kept === 0
    ? `${file} is damaged and nothing in it can be read: it is set aside, and a new, empty file is used`
    : `${file} is damaged: it is set aside, and the ${kept} documents that could be read are in a new file`;
}

/**
 * Without a write-ahead log, and without a statement that libsql would finalize only some time later, because the file is renamed next.
 * @returns how many documents it has
 */
function writeFresh(fresh: string, rows: Iterable<Row>, aside: SetAside): number {
  fs.closeSync(fs.openSync(fresh, 'wx', 0o600));
  const database = openLibsql(fresh);
  const seen = new Set<string>();
  const places = new Set<string>();
  let count = 0;
  database.exec('BEGIN');
  for (const { collection, place, key, json } of rows) {
    if (seen.has(`${collection} ${key}`) || !isWord(collection)) continue;
    seen.add(`${collection} ${key}`);
    if (parsedDocument(json) === undefined || parsedKey(key) === undefined) {
      setDocumentAside(aside, { collection, key, json });
      continue;
    }
    // An older copy may have another document at the place of this one.
    const isFree = Number.isSafeInteger(place) && !places.has(`${collection} ${place}`);
    places.add(`${collection} ${place}`);
    createTable(database, collection);
    database.exec(
      `INSERT INTO "${collection}" (place, key, value) VALUES (${isFree ? place : 'NULL'}, ${quoted(key)}, ${quoted(json)})`,
    );
    count += 1;
  }
  database.exec('COMMIT');
  database.close();
  return count;
}

/** The quote is the only character of JSON that ends a string in SQL. */
function quoted(json: string): string {
  return `'${json.replaceAll("'", "''")}'`;
}

function copyWithWal(file: string, to: string): void {
  removeWithCompanions(to);
  for (const each of ['', '-wal']) if (fs.existsSync(file + each)) fs.copyFileSync(file + each, to + each);
}

function removeWithCompanions(file: string): void {
  for (const each of ['', ...COMPANIONS]) fs.rmSync(file + each, { force: true });
}

function moveForeignWalAside(file: string, aside: SetAside): void {
  if (!hasForeignWal(file)) return;
  aside.move(`${file}-wal`, path.basename(`${file}-wal`));
  fs.rmSync(`${file}-shm`, { force: true });
  aside.report(`${file}-wal belongs to another catalog: it is set aside`);
}

function moveFolderAside(file: string, aside: SetAside): void {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  aside.move(file, path.basename(file));
  aside.report(`${file} is a folder, and must be a file: the folder is set aside`);
}
