import assert from 'node:assert';
import * as path from 'node:path';
import {
  assertFindable,
  assertIndexed,
  assertWords,
  type Catalog,
  type Collection,
  type FindQuery,
  type ReadDocument,
} from './catalog.ts';
import { createTable, type SqliteFile } from './catalog-file.ts';
import { openWhole, parsedDocument, parsedKey, setDocumentAside } from './repair-catalog.ts';
import { openSetAside, type SetAside } from '../log/set-aside.ts';

/**
 * One SQLite file, one table per collection. A document is JSON text; each index is a column that SQLite itself derives from
 * that text, so that no write can make the two differ. A damaged file is set aside, and its readable documents are kept.
 * @throws JobError daemon_start_failed when the file is from a newer rbee, or cannot be written; disk_full
 */
export function openSqliteCatalog(file: string, aside: SetAside = asideOf(file)): Catalog {
  const { sqlite, isRepaired } = openWhole(file, aside);
  const collections = new Map<string, SqliteCollection<object>>();
  let losses = isRepaired ? 1 : 0;
  const lose: Lose = (collection, key, json) => {
    losses += 1;
    setDocumentAside(aside, { collection, key, json });
  };
  return {
    get losses() {
      return losses;
    },
    collection<T extends object>(name: string, indexes: readonly (keyof T & string)[] = [], read?: ReadDocument<T>) {
      assert(!sqlite.inTransaction, 'a collection is opened before the transaction');
      assertWords([name, ...indexes]);
      let collection = collections.get(name);
      if (collection === undefined) {
        sqlite.transaction(() => createIndexes(sqlite, name, indexes));
        collections.set(name, (collection = new SqliteCollection<object>(sqlite, { name, indexes, read: read, lose })));
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

/** For catalogs that only tests open. */
function asideOf(file: string): SetAside {
  return openSetAside({
    folder: path.join(path.dirname(file), 'damaged'),
    owner: path.parse(file).name,
    report: () => undefined,
  });
}

function createIndexes(sqlite: SqliteFile, name: string, indexes: readonly string[]): void {
  createTable(sqlite, name);
  const columns = new Set(sqlite.rows(`SELECT CAST(name AS BLOB) FROM pragma_table_xinfo('${name}')`).flat());
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
 * it reads, so that two keys could become one; their JSON text has neither. `->` returns exactly the text that JSON.stringify wrote.
 */
function toText(text: string): string {
  return JSON.stringify(text);
}

const COLUMNS = 'CAST(place AS TEXT), CAST(key AS BLOB), CAST(value AS BLOB)';

/** Called for a damaged document that was removed. */
type Lose = (collection: string, key: string, json: string) => void;

interface CollectionOptions<T> {
  name: string;
  indexes: readonly string[];
  read: ReadDocument<T> | undefined;
  lose: Lose;
}

/** Names in the SQL come from `assertWords`, values only as parameters. */
class SqliteCollection<T extends object> implements Collection<T> {
  readonly indexes: readonly string[];
  readonly #sqlite: SqliteFile;
  readonly #options: CollectionOptions<T>;
  readonly #sql: Record<'get' | 'put' | 'delete' | 'lose' | 'find' | 'count', string>;
  /** Rows that have been set aside, and may still be there. */
  readonly #lost = new Set<string>();

  constructor(sqlite: SqliteFile, options: CollectionOptions<T>) {
    const { name, indexes } = options;
    this.#sqlite = sqlite;
    this.#options = options;
    this.indexes = indexes;
    this.#sql = {
      get: `SELECT ${COLUMNS} FROM "${name}" WHERE key = ?`,
      put: `INSERT INTO "${name}" (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      delete: `DELETE FROM "${name}" WHERE key = ?`,
      lose: `DELETE FROM "${name}" WHERE place = ?`,
      find: `SELECT ${COLUMNS} FROM "${name}"`,
      count: `SELECT CAST(count(*) AS TEXT) FROM "${name}"`,
    };
  }

  get(key: string): T | undefined {
    return this.#documents(this.#sqlite.rows(this.#sql.get, toText(key)))[0];
  }

  put(key: string, value: T): void {
    this.#sqlite.run(this.#sql.put, toText(key), JSON.stringify(value));
  }

  delete(key: string): boolean {
    return this.#sqlite.run(this.#sql.delete, toText(key)) > 0;
  }

  find(query: FindQuery<T> = {}): T[] {
    assertFindable(query, this.indexes);
    const { where = {}, keyPrefix = '', newestFirst = false, limit = -1 } = query;
    const wanted = Object.entries<string>(where).map(([field, text]) => ({ is: `${columnOf(field)} = ?`, text: toText(text) }));
    if (keyPrefix !== '') {
      // Without the closing quote of its JSON text.
      const text = toText(keyPrefix).slice(0, -1);
      wanted.push({ is: 'key >= ?', text }, { is: 'key < ?', text: `${text}\u{10ffff}` });
    }
    const condition = wanted.map(({ is }, at) => `${at === 0 ? ' WHERE' : ' AND'} ${is}`).join('');
    const sql = `${this.#sql.find}${condition} ORDER BY place ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?`;
    return this.#documents(this.#sqlite.rows(sql, ...wanted.map(({ text }) => text), limit));
  }

  count(): number {
    return Number(this.#sqlite.rows(this.#sql.count)[0]?.[0]);
  }

  #documents(rows: string[][]): T[] {
    const documents: T[] = [];
    for (const [place = '', key = '', json = ''] of rows) {
      const document = this.#document(key, json);
      if (document === undefined) this.#lose({ place, key, json });
      else documents.push(document);
    }
    return documents;
  }

  #document(key: string, json: string): T | undefined {
    const value = parsedDocument(json);
    const { read } = this.#options;
    if (value === undefined || read === undefined) return value as T | undefined;
    const name = parsedKey(key);
    return name === undefined ? undefined : read(value, name);
  }

  /** A row that cannot be deleted, because its index is damaged too, is skipped until the file is opened again. */
  #lose({ place, key, json }: { place: string; key: string; json: string }): void {
    if (this.#lost.has(place)) return;
    this.#lost.add(place);
    this.#options.lose(this.#options.name, key, json);
    try {
      this.#sqlite.run(this.#sql.lose, Number(place));
    } catch {
      // It has been set aside nevertheless, and is read again at the next start.
    }
  }
}
