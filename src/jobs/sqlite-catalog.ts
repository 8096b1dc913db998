import assert from 'node:assert';
import { assertFindable, assertIndexed, assertWords, type Catalog, type Collection, type FindQuery } from './catalog.ts';
import { openSqliteFile, type SqliteFile } from './catalog-file.ts';

/**
 * One SQLite file, one table a collection. A document is JSON text; each index is a column that SQLite itself derives from
 * that text, so that no write can leave the two apart.
 * @throws JobError daemon_start_failed when the file is damaged, from a newer rbee, or cannot be written; disk_full
 */
export function openSqliteCatalog(file: string): Catalog {
  const sqlite = openSqliteFile(file);
  const collections = new Map<string, SqliteCollection<object>>();
  return {
    collection<T extends object>(name: string, indexes: readonly (keyof T & string)[] = []) {
      assert(!sqlite.inTransaction, 'a collection is opened before the transaction');
      assertWords([name, ...indexes]);
      let collection = collections.get(name);
      if (collection === undefined) {
        sqlite.transaction(() => createTable(sqlite, name, indexes));
        collections.set(name, (collection = new SqliteCollection<object>(sqlite, name, indexes)));
      } else assertIndexed(indexes, collection.indexes);
      return collection as SqliteCollection<never>;
    },
    transaction(work) {
      assert(!sqlite.inTransaction, 'transactions do not nest');
      sqlite.transaction(work);
    },
    close() {
      collections.clear();
      sqlite.close();
    },
  };
}

/** `place` is SQLite's own row number: an update keeps it, so it is the order of first insertion. */
function createTable(sqlite: SqliteFile, name: string, indexes: readonly string[]): void {
  sqlite.exec(
    `CREATE TABLE IF NOT EXISTS "${name}" (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL) STRICT`,
  );
  const columns = new Set(sqlite.rows(`SELECT name FROM pragma_table_xinfo('${name}')`).flat());
  for (const field of indexes) {
    if (!columns.has(columnOf(field))) {
      const derived = `TEXT GENERATED ALWAYS AS (value -> '$.${field}') VIRTUAL`;
      sqlite.exec(`ALTER TABLE "${name}" ADD COLUMN ${columnOf(field)} ${derived}`);
    }
    sqlite.exec(`CREATE INDEX IF NOT EXISTS "${name}:${field}" ON "${name}" (${columnOf(field)})`);
  }
}

function columnOf(field: string): string {
  return `by_${field}`;
}

/**
 * Keys and field values are kept and compared as JSON text: libsql cuts a string at a NUL and replaces lone surrogates when
 * it reads, so that two keys could become one; their JSON text has neither. `->` gives the very text that JSON.stringify wrote.
 */
function toText(text: string): string {
  return JSON.stringify(text);
}

/** Names in the SQL come from `assertWords`, values only as parameters. */
class SqliteCollection<T extends object> implements Collection<T> {
  readonly indexes: readonly string[];
  readonly #sqlite: SqliteFile;
  readonly #sql: { get: string; put: string; delete: string; find: string; count: string };

  constructor(sqlite: SqliteFile, name: string, indexes: readonly string[]) {
    this.#sqlite = sqlite;
    this.indexes = indexes;
    this.#sql = {
      get: `SELECT value FROM "${name}" WHERE key = ?`,
      put: `INSERT INTO "${name}" (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      delete: `DELETE FROM "${name}" WHERE key = ?`,
      find: `SELECT value FROM "${name}"`,
      count: `SELECT CAST(count(*) AS TEXT) FROM "${name}"`,
    };
  }

  get(key: string): T | undefined {
    const json = this.#sqlite.rows(this.#sql.get, toText(key))[0]?.[0];
    return json === undefined ? undefined : (JSON.parse(json) as T);
  }

  put(key: string, value: T): void {
    this.#sqlite.run(this.#sql.put, toText(key), JSON.stringify(value));
  }

  delete(key: string): boolean {
    return this.#sqlite.run(this.#sql.delete, toText(key)) > 0;
  }

  find(query: FindQuery<T> = {}): T[] {
    assertFindable(query, this.indexes);
    const { where = {}, newestFirst = false, limit = -1 } = query;
    const wanted = Object.entries<string>(where);
    const condition = wanted.map(([field], at) => `${at === 0 ? ' WHERE' : ' AND'} ${columnOf(field)} = ?`).join('');
    const sql = `${this.#sql.find}${condition} ORDER BY place ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`;
    const rows = this.#sqlite.rows(sql, ...wanted.map(([, text]) => toText(text)), limit);
    return rows.map(([json]) => JSON.parse(json ?? '') as T);
  }

  count(): number {
    return Number(this.#sqlite.rows(this.#sql.count)[0]?.[0]);
  }
}
