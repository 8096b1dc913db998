import assert from 'node:assert';

/**
 * Documents that are looked up and changed (hives, models, job records); a job's events are only appended, to the event log.
 * Two implementations, SQLite in one file and plain memory, pass one conformance suite.
 * Documents go in and come out as JSON, so no caller holds a reference to the stored document.
 */
export interface Catalog {
  /**
   * A named set of JSON documents. `indexes` are top-level string fields that `find` may filter by; the first call for a name
   * sets them, later ones may omit them. A new index on an old file is filled automatically. Not inside a transaction.
   * `read` validates each document that is read. A document that it rejects is damaged: it is set aside and removed.
   */
  collection<T extends object>(name: string, indexes?: readonly (keyof T & string)[], read?: ReadDocument<T>): Collection<T>;
  /**
   * All writes inside `work`, to any collection, become visible together, or not at all if it throws. Not to be nested.
   * They survive a killed process; a power cut may take the last few transactions, each of them whole.
   */
  transaction(work: () => void): void;
  /** How many times damaged data was removed since this process opened the catalog. */
  readonly losses: number;
  close(): void;
}

/** @returns the document as it can be used; undefined where it is damaged */
export type ReadDocument<T> = (value: object, key: string) => T | undefined;

/**
 * Any string is a good key or field value. Reading costs microseconds, a write outside a transaction about 60 µs.
 * Writes throw JobError disk_full, and deadline_exceeded where another process keeps the file locked.
 */
export interface Collection<T extends object> {
  get(key: string): T | undefined;
  /** Inserts or replaces. */
  put(key: string, value: T): void;
  /** @returns whether there was one */
  delete(key: string): boolean;
  /** In the order of first insertion (a replaced document keeps its place, a deleted one loses it), or the reverse. */
  find(query?: FindQuery<T>): T[];
  count(): number;
}

export interface FindQuery<T> {
  /** Equal to all of these. */
  where?: Partial<Record<keyof T & string, string>>;
  /** The beginning of the key. */
  keyPrefix?: string;
  newestFirst?: boolean;
  limit?: number;
}

/** Names of collections and indexes become names in SQL, so they are plain words. */
const WORD = /^[a-z][a-z0-9_]{0,62}$/;

export function isWord(word: string): boolean {
  return WORD.test(word);
}

export function assertWords(words: readonly string[]): void {
  for (const word of words) assert(isWord(word), `'${word}' cannot name a collection or an index`);
}

/** Both implementations reject the same programmer's mistakes: otherwise one would only show when the other is used. */
export function assertFindable(query: FindQuery<never>, indexes: readonly string[]): void {
  const { where = {}, limit = 0 } = query;
  assert(Number.isInteger(limit) && limit >= 0, `a limit is a count, not ${limit}`);
  for (const field of Object.keys(where)) assert(indexes.includes(field), `'${field}' is not an index of this collection`);
}

export function assertIndexed(wanted: readonly string[], indexes: readonly string[]): void {
  for (const field of wanted) assert(indexes.includes(field), `'${field}' was not among the indexes of the first call`);
}
