/**
 * What is looked up and changed (hives, models, job records), as opposed to what is only appended (a job's events).
 * A seam: today SQLite in one file and plain memory, both held to one conformance suite.
 */
export interface Catalog {
  /**
   * A named set of JSON documents. `indexes` are top-level string fields that `find` may filter by; the first call for a name decides them.
   */
  collection<T extends object>(name: string, indexes?: readonly (keyof T & string)[]): Collection<T>;
  /** All writes inside `work` become visible and durable together, or not at all if it throws. Not to be nested. */
  transaction(work: () => void): void;
  close(): void;
}

export interface Collection<T extends object> {
  get(key: string): T | undefined;
  /** Inserts or replaces. */
  put(key: string, value: T): void;
  /** @returns whether there was one */
  delete(key: string): boolean;
  /** In the order of first insertion (a replaced document keeps its place), or the reverse. */
  find(query?: FindQuery<T>): T[];
  count(): number;
}

export interface FindQuery<T> {
  /** Equal to all of these. */
  where?: Partial<Record<keyof T & string, string>>;
  newestFirst?: boolean;
  limit?: number;
}
