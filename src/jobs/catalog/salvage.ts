import * as fs from 'node:fs';
import type Database from 'libsql';
import { openLibsql } from './catalog-file.ts';

/** A document as it is stored: key and value are JSON, as far as they are not damaged. */
export interface Row {
  collection: string;
  place: number;
  key: string;
  json: string;
}

/** At most so many places between two damaged ones are searched for rows, one by one. */
const PROBES_LIMIT = 1_000_000;
/** More rows than one damaged page has: after so many in a row, the rest of the table cannot be read. */
const FRUITLESS_LIMIT = 10_000;

/**
 * Every row of a damaged SQLite file that can still be read: first with its write-ahead log, and then, if that was incomplete, from the
 * file alone. A damaged or foreign log hides the rows of the file.
 * @param scratch a copy of the file, which this may change
 */
export function* salvage(scratch: string): Generator<Row, void, void> {
  const alone = `${scratch}-alone`;
  fs.copyFileSync(scratch, alone);
  try {
    if (!(yield* rowsOf(scratch))) yield* rowsOf(alone);
  } finally {
    for (const each of ['', '-wal', '-shm']) fs.rmSync(alone + each, { force: true });
  }
}

/** @returns whether these are all */
function* rowsOf(file: string): Generator<Row, boolean, void> {
  const database = openLibsql(file);
  try {
    // Tables with a valid schema entry can then be read beside those with a damaged one.
    attempt(() => database.exec('PRAGMA writable_schema = ON'));
    const tables = tablesOf(database);
    let isAll = tables.length > 0;
    for (const collection of tables) if (!(yield* rowsOfTable(database, collection))) isAll = false;
    return isAll;
  } finally {
    database.close();
  }
}

function tablesOf(database: Database.Database): string[] {
  const sql = `SELECT CAST(name AS BLOB) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`;
  return attempt(() => (database.prepare(sql).raw().all() as Buffer[][]).map(([name]) => String(name))) ?? [];
}

/** Forwards from the first row to the first damaged place, backwards from the last row to the last one, and then one by one between them. */
function* rowsOfTable(database: Database.Database, collection: string): Generator<Row, boolean, void> {
  const rows = attempt(() => readersOf(database, collection));
  if (rows === undefined) return false;
  let first = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const row = rows.after(first);
    if (row === 'none') return true;
    // A row that is out of order is damage too, and would be found repeatedly.
    if (row === undefined || row.place <= first) break;
    first = row.place;
    yield row;
  }
  let last = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const row = rows.before(last);
    if (row === 'none' || row === undefined || row.place <= first || row.place >= last) break;
    last = row.place;
    yield row;
  }
  const begin = Math.max(first, 0);
  const end = Math.min(last, begin + PROBES_LIMIT);
  let fruitless = 0;
  for (let place = begin + 1; place < end && fruitless < FRUITLESS_LIMIT; place += 1) {
    const row = rows.at(place);
    fruitless = row === undefined ? fruitless + 1 : 0;
    if (row !== 'none' && row !== undefined) yield row;
  }
  return false;
}

/** Each returns 'none' where there is no such row, and undefined where SQLite cannot read it. */
function readersOf(database: Database.Database, collection: string) {
  const reader = (condition: string) => {
    const sql = `SELECT place, CAST(key AS BLOB), CAST(value AS BLOB) FROM "${collection}" NOT INDEXED ${condition}`;
    const statement = database.prepare(sql).raw();
    return (than: number): Row | 'none' | undefined =>
      attempt(() => {
        const row = statement.get(than) as [number, Buffer, Buffer] | undefined;
        return row === undefined ? 'none' : { collection, place: row[0], key: String(row[1]), json: String(row[2]) };
      });
  };
  return {
    after: reader('WHERE place > ? ORDER BY place LIMIT 1'),
    before: reader('WHERE place < ? ORDER BY place DESC LIMIT 1'),
    at: reader('WHERE place = ?'),
  };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
