import assert from 'node:assert';
import { assertFindable, assertIndexed, assertWords, type Catalog, type Collection, type FindQuery } from './catalog.ts';

/** Keeps documents for as long as the process lives: for workers, and for tests. As JSON text, to forget what SQLite would. */
export function openMemoryCatalog(): Catalog {
  const collections = new Map<string, MemoryCollection<object>>();
  const state: State = { open: true, before: undefined };
  return {
    collection<T extends object>(name: string, indexes: readonly (keyof T & string)[] = []) {
      assertUsable(state);
      assert(state.before === undefined, 'a collection is opened before the transaction');
      assertWords([name, ...indexes]);
      let collection = collections.get(name);
      if (collection === undefined) collections.set(name, (collection = new MemoryCollection<object>(state, indexes)));
      else assertIndexed(indexes, collection.indexes);
      return collection as MemoryCollection<never>;
    },
    transaction(work) {
      assertUsable(state);
      assert(state.before === undefined, 'transactions do not nest');
      const before = (state.before = new Map<Documents, Documents>());
      try {
        work();
      } catch (cause) {
        for (const [documents, copy] of before) restore(documents, copy);
        throw cause;
      } finally {
        state.before = undefined;
      }
    },
    close() {
      state.open = false;
      collections.clear();
    },
  };
}

/** A Map keeps the place of a replaced key, as the contract asks. */
type Documents = Map<string, Stored>;

interface Stored {
  json: string;
  /** By the indexes, so that nothing is parsed to be passed over. */
  fields: readonly unknown[];
}

interface State {
  open: boolean;
  /** In a transaction: each map that it has changed, with a copy from before. A collection in memory is small. */
  before: Map<Documents, Documents> | undefined;
}

class MemoryCollection<T extends object> implements Collection<T> {
  readonly indexes: readonly string[];
  readonly #state: State;
  readonly #documents: Documents = new Map();

  constructor(state: State, indexes: readonly string[]) {
    this.#state = state;
    this.indexes = indexes;
  }

  get(key: string): T | undefined {
    assertUsable(this.#state);
    const stored = this.#documents.get(key);
    return stored === undefined ? undefined : (JSON.parse(stored.json) as T);
  }

  put(key: string, value: T): void {
    this.#beforeWrite();
    const fields = this.indexes.map((field) => (value as Record<string, unknown>)[field]);
    this.#documents.set(key, { json: JSON.stringify(value), fields });
  }

  delete(key: string): boolean {
    this.#beforeWrite();
    return this.#documents.delete(key);
  }

  find(query: FindQuery<T> = {}): T[] {
    assertUsable(this.#state);
    assertFindable(query, this.indexes);
    const { where = {}, newestFirst = false, limit = Infinity } = query;
    const wanted = Object.entries(where).map(([field, text]) => ({ place: this.indexes.indexOf(field), text }));
    const found: T[] = [];
    const all = [...this.#documents.values()];
    for (const { json, fields } of newestFirst ? all.reverse() : all) {
      if (found.length >= limit) break;
      if (wanted.every(({ place, text }) => fields[place] === text)) found.push(JSON.parse(json) as T);
    }
    return found;
  }

  count(): number {
    assertUsable(this.#state);
    return this.#documents.size;
  }

  #beforeWrite(): void {
    assertUsable(this.#state);
    const { before } = this.#state;
    if (before !== undefined && !before.has(this.#documents)) before.set(this.#documents, new Map(this.#documents));
  }
}

function restore(documents: Documents, copy: Documents): void {
  documents.clear();
  for (const [key, stored] of copy) documents.set(key, stored);
}

function assertUsable(state: State): void {
  assert(state.open, 'the catalog is closed');
}
