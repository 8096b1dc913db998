import * as fs from 'node:fs';
import * as path from 'node:path';
import Database from 'libsql';
import { JobError } from '../../contract/index.ts';
import { errnoOf } from './disk.ts';

/**
 * Who may change which model's files: one job a model, in one process a directory. Across processes the kernel holds the lock
 * (SQLite's fcntl lock on an empty file), so it ends with its process, however that ends, and no stale pidfile can lie about it.
 * Never open the lock file by other means: closing any descriptor of it would drop the lock (fcntl(2)).
 */
export class Writers {
  readonly #directory: string;
  /** By name in lower case: on macOS, file names that differ in case only are one file. */
  readonly #claimed = new Set<string>();
  #lock: Database.Database | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * @param label for messages, where the name is none for people
   * @returns a function that releases the model
   * @throws JobError download_failed, which is retryable, while another job or process holds it
   */
  claim(name: string, label = name): () => void {
    const key = name.toLowerCase();
    if (this.#claimed.has(key)) {
      throw new JobError(
        'download_failed',
        `Model '${label}' is being downloaded already: see rbee jobs, and run it again when that download has ended`,
      );
    }
    this.#lock ??= lockDirectory(this.#directory);
    this.#claimed.add(key);
    return () => {
      this.#claimed.delete(key);
      if (this.#claimed.size > 0) return;
      this.#lock?.close(); // It has no prepared statement, which would keep it open, and so locked.
      this.#lock = undefined;
    };
  }
}

function lockDirectory(directory: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    fs.mkdirSync(directory, { recursive: true });
    database = new Database(path.join(directory, '.writer.lock'));
    database.exec('PRAGMA journal_mode = MEMORY'); // Or a journal file would lie beside it.
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (cause) {
    database?.close();
    const busy = errnoOf(cause)?.startsWith('SQLITE_BUSY') === true;
    const sentence = busy
      ? `Another rbee is downloading into ${directory}. Try again when it has ended.`
      : `Cannot write into ${directory}: ${String(cause)}`;
    throw new JobError('download_failed', sentence, { cause });
  }
}
