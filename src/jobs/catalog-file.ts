import assert from 'node:assert';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import type Database from 'libsql';
import { JobError } from '../contract/index.ts';

/** Layout of the tables, kept in the file's user_version. 0 is a file that was just created. */
const FORMAT = 1;
/** How long a write waits for another process that holds the file. The wait blocks this process, so it is short. */
const LOCK_DEADLINE_MS = 2_000;

/** A SQLite file, with errors in our words. All calls are synchronous; a closed one takes none. */
export interface SqliteFile {
  readonly inTransaction: boolean;
  exec(sql: string): void;
  /** @returns how many rows it changed */
  run(sql: string, ...parameters: Parameter[]): number;
  /** For queries of text columns only. */
  rows(sql: string, ...parameters: Parameter[]): string[][];
  transaction(work: () => void): void;
  close(): void;
}

type Parameter = string | number;

/** @throws JobError daemon_start_failed, disk_full, deadline_exceeded */
export function openSqliteFile(file: string): SqliteFile {
  const absolute = path.resolve(file); // libsql would take 'http://…' as the address of a server.
  try {
    fs.mkdirSync(path.dirname(absolute), { recursive: true, mode: 0o700 });
    // SQLite would make it readable for everybody; its -wal and -shm files take over the mode of this one.
    fs.closeSync(fs.openSync(absolute, 'a', 0o600));
    const sqlite = new OpenSqliteFile(absolute);
    prepareFile(sqlite, absolute);
    return sqlite;
  } catch (cause) {
    if (cause instanceof JobError && cause.code !== 'internal') throw cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new JobError('daemon_start_failed', cause instanceof JobError ? said : `Cannot open the catalog: ${said}`, { cause });
  }
}

/** Loaded where a file is opened: it takes 60 ms, and a worker has none. */
function loadLibsql(): typeof Database {
  return createRequire(import.meta.url)('libsql') as typeof Database;
}

function prepareFile(sqlite: SqliteFile, file: string): void {
  const version = Number(sqlite.rows('SELECT CAST(user_version AS TEXT) FROM pragma_user_version')[0]?.[0]);
  if (version > FORMAT) {
    const sentence = `${file} was written by a newer rbee (catalog format ${version}; this one reads ${FORMAT}). Use that rbee.`;
    throw new JobError('daemon_start_failed', sentence);
  }
  // About 2 ms for 1,000 documents; found now, it is one sentence instead of odd failures later.
  const verdict = sqlite.rows('SELECT quick_check FROM pragma_quick_check(1)')[0]?.[0];
  if (verdict !== 'ok') throw damaged(file, verdict);
  sqlite.exec('PRAGMA journal_mode = WAL');
  // Without an fsync a commit: what a killed process wrote is safe, as with the event log.
  sqlite.exec('PRAGMA synchronous = NORMAL');
  // Requests that wait and tokens of hives are in here: what is deleted is overwritten. It costs less than can be measured.
  sqlite.exec('PRAGMA secure_delete = ON');
  if (version < FORMAT) sqlite.exec(`PRAGMA user_version = ${FORMAT}`);
}

class OpenSqliteFile implements SqliteFile {
  readonly #file: string;
  readonly #database: Database.Database;
  /** By their SQL, of which there are only as many as there are kinds of query. */
  readonly #statements = new Map<string, Database.Statement>();
  #open = true;

  constructor(file: string) {
    this.#file = file;
    this.#database = new (loadLibsql())(file, { timeout: LOCK_DEADLINE_MS });
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
    return this.#use(() => this.#statement(sql).all(...parameters) as string[][]);
  }

  transaction(work: () => void): void {
    this.run('BEGIN IMMEDIATE');
    try {
      work();
      this.run('COMMIT');
    } catch (cause) {
      // On a full disk SQLite has rolled back by itself, and a second rollback would hide the cause.
      if (this.#open && this.inTransaction) this.exec('ROLLBACK');
      throw cause;
    }
  }

  /** libsql has no way to end a statement, so the file stays open until they are collected; nothing can be written by then. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#statements.clear();
    try {
      // Or the journal keeps what was written last, and taken back, as long as the file is not opened again.
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // On a full disk it stays, whole: the next one who opens the file reads it.
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
      throw inOurWords(this.#file, cause);
    }
  }
}

/** SQLite's extended codes begin with the plain one, as in SQLITE_READONLY_DIRECTORY. */
function inOurWords(file: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const isUnwritten = /^SQLITE_(IOERR_(?!.*READ)|CANTOPEN)/.test(code);
  if (code.startsWith('SQLITE_FULL') || (isUnwritten && isDiskFull(file)))
    return new JobError('disk_full', `The disk is full: ${file} could not be written`, { cause });
  if (code.startsWith('SQLITE_BUSY')) {
    const sentence = `Another process kept ${file} locked for more than ${LOCK_DEADLINE_MS} ms`;
    return new JobError('deadline_exceeded', sentence, { cause });
  }
  // A quota that is used up too: SQLite does not tell it from a disk that fails.
  if (code.startsWith('SQLITE_IOERR') && isUnwritten)
    return new JobError('disk_full', `${file} could not be written: your share of the disk is used up, or it fails`, { cause });
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN')) {
    return new JobError('internal', `${file} cannot be written: check who owns it and whether its disk is read-only`, { cause });
  }
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) return damaged(file, cause);
  return cause;
}

/** Of bytes, or of files: SQLite tells neither where it makes the files beside its own. */
function isDiskFull(file: string): boolean {
  try {
    const { bavail, files, ffree } = fs.statfsSync(path.dirname(file));
    return bavail === 0 || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

function damaged(file: string, cause: unknown): JobError {
  const sentence = `${file} is damaged, or not a catalog of rbee. Move it away and start again: a new one is made.`;
  return new JobError('internal', sentence, { cause });
}
