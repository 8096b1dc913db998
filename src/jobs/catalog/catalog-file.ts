import assert from 'node:assert';
import { randomInt } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import type Database from 'libsql';
import { JobError } from '../../contract/index.ts';

/** Layout of the tables, kept in the file's user_version. 0 is a file that was just created. */
const FORMAT = 1;
/** How long a write waits for another process that holds the file. The wait blocks this process, so it is short. */
const LOCK_DEADLINE_MS = 2_000;

/** A SQLite file whose errors are rbee's. All calls are synchronous, and fail once it is closed. */
export interface SqliteFile {
  readonly inTransaction: boolean;
  exec(sql: string): void;
  /** @returns how many rows it changed */
  run(sql: string, ...parameters: Parameter[]): number;
  /** For queries of columns that are text by all means, or cast to bytes: libsql ends the process over text that is not UTF-8. */
  rows(sql: string, ...parameters: Parameter[]): string[][];
  transaction(work: () => void): void;
  close(): void;
}

type Parameter = string | number;

/**
 * @param beforeClose called for a file that is damaged, before SQLite lets go of it: closing it would change it once more
 * @throws DamagedCatalog; JobError daemon_start_failed, disk_full, deadline_exceeded
 */
export function openSqliteFile(file: string, beforeClose: () => void = () => undefined): SqliteFile {
  const absolute = path.resolve(file); // libsql would take 'http://…' as the address of a server.
  try {
    fs.mkdirSync(path.dirname(absolute), { recursive: true, mode: 0o700 });
    // SQLite would create it readable for all users; its -wal and -shm files get the mode of this one.
    fs.closeSync(fs.openSync(absolute, 'a', 0o600));
    const sqlite = new OpenSqliteFile(absolute);
    requireWhole(sqlite, { file: absolute, beforeClose });
    prepareWhole(sqlite, { file: absolute, beforeClose });
    return sqlite;
  } catch (cause) {
    if (cause instanceof DamagedCatalog || (cause instanceof JobError && cause.code !== 'internal')) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JobError('daemon_start_failed', cause instanceof JobError ? reason : `Cannot open the catalog: ${reason}`, {
      cause,
    });
  }
}

/** Loaded where a file is opened: it takes 60 ms, and a worker has none. */
export function openLibsql(file: string, options: { timeout?: number } = {}): Database.Database {
  // libsql finds the libc in a report of Node, which would also look up the names of all addresses of open sockets in DNS.
  Object.assign(process.report, { excludeNetwork: true });
  const libsql = createRequire(import.meta.url)('libsql') as typeof Database;
  return new libsql(file, options);
}

/**
 * Fails where the file is damaged. A statement without a result: libsql finalizes it at once, and one with a result only some time
 * later, which would keep a damaged file open behind its replacement.
 * About 10 ms for 1,000 documents. Without the indexes it would be half of that, but one wrong byte in an indexed field would then
 * fail every write of that document.
 */
const FAIL_UNLESS_WHOLE = `SELECT CASE WHEN (SELECT integrity_check FROM pragma_integrity_check(1)) <> 'ok' THEN json('damaged') END`;

function requireWhole(sqlite: SqliteFile, { file, beforeClose }: { file: string; beforeClose: () => void }): void {
  try {
    sqlite.exec(FAIL_UNLESS_WHOLE);
  } catch (cause) {
    // SQLite reports 'SQLITE_ERROR' for a document that is not JSON, and for a schema that it does not understand.
    const isDamaged = cause instanceof DamagedCatalog || sqliteCode(cause) === 'SQLITE_ERROR';
    if (isDamaged) beforeClose();
    sqlite.close();
    throw isDamaged ? new DamagedCatalog(file, cause) : cause;
  }
}

/** It could be opened for writing: where SQLite will only read it, its header is damaged. */
function prepareWhole(sqlite: SqliteFile, { file, beforeClose }: { file: string; beforeClose: () => void }): void {
  try {
    prepareFile(sqlite, file);
  } catch (cause) {
    const isDamaged =
      cause instanceof DamagedCatalog || (cause instanceof JobError && sqliteCode(cause.cause) === 'SQLITE_READONLY');
    if (!isDamaged) throw cause;
    beforeClose();
    sqlite.close();
    throw new DamagedCatalog(file, cause);
  }
}

function prepareFile(sqlite: SqliteFile, file: string): void {
  const format = Number(sqlite.rows('SELECT CAST(user_version AS TEXT) FROM pragma_user_version')[0]?.[0]);
  if (format > FORMAT) {
    const writer = writerOf(sqlite);
    sqlite.close();
    const by = writer === undefined ? 'a newer rbee' : `rbee ${writer}`;
    const sentence = `${file} was written by ${by} (catalog format ${format}); this is rbee ${__RBEE_VERSION__}, which reads format ${FORMAT}. Update rbee on this machine, or give this one a home of its own: RBEE_HOME.`;
    throw new JobError('daemon_start_failed', sentence);
  }
  sqlite.exec('PRAGMA journal_mode = WAL');
  // A file that cannot be written is found here: the start fails with one sentence, or the header is damaged.
  sqlite.exec('BEGIN IMMEDIATE; ROLLBACK');
  // No fsync per commit: what a killed process wrote is safe, as with the event log.
  sqlite.exec('PRAGMA synchronous = NORMAL');
  // The file has waiting requests and the tokens of hives, so deleted data is overwritten. The cost is too small to measure.
  sqlite.exec('PRAGMA secure_delete = ON');
  const [[id] = []] = sqlite.rows('SELECT CAST(application_id AS TEXT) FROM pragma_application_id');
  if (id === '0') sqlite.exec(`PRAGMA application_id = ${randomInt(1, 2 ** 31)}`);
  if (format < FORMAT) sqlite.exec(`PRAGMA user_version = ${FORMAT}`);
  if (writerOf(sqlite) !== __RBEE_VERSION__) {
    createTable(sqlite, WRITER);
    sqlite.run(
      `REPLACE INTO "${WRITER}" (place, key, value) VALUES (1, '"rbee"', ?)`,
      JSON.stringify({ version: __RBEE_VERSION__ }),
    );
  }
}

/** The table with the version of the rbee that opened the file last: an older one names it in its error. */
const WRITER = 'written_by';

function writerOf(sqlite: SqliteFile): string | undefined {
  try {
    const json = sqlite.rows(`SELECT CAST(value AS BLOB) FROM "${WRITER}"`)[0]?.[0] ?? '{}';
    return (JSON.parse(json) as { version?: string }).version;
  } catch {
    return undefined; // Not there yet, or of a newer layout.
  }
}

/** `place` is SQLite's own row number: an update keeps it, so it is the order of first insertion. */
export function createTable(sqlite: Pick<SqliteFile, 'exec'>, name: string): void {
  sqlite.exec(
    `CREATE TABLE IF NOT EXISTS "${name}" (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL) STRICT`,
  );
}

class OpenSqliteFile implements SqliteFile {
  readonly #file: string;
  readonly #database: Database.Database;
  /** By their SQL. There are only a few different queries. */
  readonly #statements = new Map<string, Database.Statement>();
  #open = true;

  constructor(file: string) {
    this.#file = file;
    this.#database = openLibsql(file, { timeout: LOCK_DEADLINE_MS });
  }

  get inTransaction(): boolean {
    return this.#use(() => this.#database.inTransaction);
  }

  exec(sql: string): void {
    this.#use(() => this.#database.exec(sql));
  }

  run(sql: string, ...parameters: Parameter[]): number {
    return this.#use(() => this.#statement(sql).run(...parameters).changes);
  }

  rows(sql: string, ...parameters: Parameter[]): string[][] {
    const rows = this.#use(() => this.#statement(sql).all(...parameters) as (string | Buffer)[][]);
    return rows.map((row) => row.map(String));
  }

  transaction(work: () => void): void {
    this.run('BEGIN IMMEDIATE');
    try {
      work();
      this.run('COMMIT');
    } catch (cause) {
      // On a full disk SQLite has rolled back already, and a second rollback would hide the cause.
      if (this.#open && this.inTransaction) this.exec('ROLLBACK');
      throw cause;
    }
  }

  /** libsql cannot finalize a statement, so the file stays open until the statements are garbage-collected; nothing is written then. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#statements.clear();
    try {
      // Otherwise the journal keeps the last writes, rolled-back ones included, until the file is opened again.
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // On a full disk the journal stays, complete: the next process that opens the file reads it.
    }
    this.#database.close();
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement.reader ? statement.raw() : statement);
    }
    return statement;
  }

  #use<T>(work: () => T): T {
    assert(this.#open, 'the catalog is closed');
    try {
      return work();
    } catch (cause) {
      throw rbeeError(this.#file, cause);
    }
  }
}

/** A file that SQLite, or this version of the catalog, cannot read. */
export class DamagedCatalog extends JobError {
  constructor(file: string, cause: unknown) {
    super(
      'internal',
      `${file} is damaged. When this daemon is restarted, it sets the file aside and keeps the documents that can be read.`,
      {
        cause,
      },
    );
  }
}

/** By SQLite's numbers, https://sqlite.org/rescode.html: libsql names only some of them. */
const CODES: Record<number, string> = {
  1: 'SQLITE_ERROR',
  5: 'SQLITE_BUSY',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  26: 'SQLITE_NOTADB',
};

/** The plain code: an extended one begins with it, as in SQLITE_READONLY_DIRECTORY, or has it in its lowest byte. */
function sqliteCode(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const number = /^UNKNOWN_SQLITE_ERROR_(\d+)$/.exec(code)?.[1];
  if (number !== undefined) return CODES[Number(number) & 0xff] ?? code;
  return Object.values(CODES).find((plain) => code.startsWith(plain)) ?? code;
}

function rbeeError(file: string, cause: unknown): unknown {
  const full = () => new JobError('disk_full', `The disk is full: ${file} could not be written`, { cause });
  switch (sqliteCode(cause)) {
    case 'SQLITE_FULL':
      return full();
    case 'SQLITE_IOERR':
      if (isReadError(cause)) return cause;
      if (isDiskFull(file)) return full();
      // An exhausted quota too: SQLite does not distinguish it from a failing disk.
      return new JobError('disk_full', `${file} could not be written: your disk quota is used up, or the disk is failing`, {
        cause,
      });
    case 'SQLITE_BUSY': {
      const sentence = `Another process kept ${file} locked for more than ${LOCK_DEADLINE_MS} ms`;
      return new JobError('deadline_exceeded', sentence, { cause });
    }
    case 'SQLITE_READONLY':
    case 'SQLITE_CANTOPEN':
      if (sqliteCode(cause) === 'SQLITE_CANTOPEN' && isDiskFull(file)) return full();
      return new JobError('internal', `${file} cannot be written: check its owner, and whether its disk is read-only`, {
        cause,
      });
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return new DamagedCatalog(file, cause);
    default:
      return cause;
  }
}

/** SQLITE_IOERR_READ and SQLITE_IOERR_SHORT_READ, by name or by number. */
function isReadError(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && /READ|_(?:266|522)$/.test(String(cause.code));
}

/** Whether no bytes or no files are free: SQLite reports neither when it creates its companion files. */
function isDiskFull(file: string): boolean {
  try {
    const { bavail, files, ffree } = fs.statfsSync(path.dirname(file));
    return bavail === 0 || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}
