import assert from 'node:assert';
import { assertFindable, assertIndexed, assertWords, type Catalog, type Collection, type FindQuery } from './catalog.ts';

/** Keeps documents for the life of the process: for workers, and for tests. As JSON text, to lose what SQLite would lose. */
export function openMemoryCatalog(): Catalog {
  const collections = new Map<string, MemoryCollection<object>>();
  const state: State = { open: true, undo: undefined };
  return {
    losses: 0,
    collection<T extends object>(name: string, indexes: readonly (keyof T & string)[] = []) {
      assertUsable(state);
      assert(state.undo === undefined, 'a collection is opened before the transaction');
      assertWords([name, ...indexes]);
      let collection = collections.get(name);
      if (collection === undefined) collections.set(name, (collection = new MemoryCollection<object>(state, indexes)));
      else assertIndexed(indexes, collection.indexes);
      return collection as MemoryCollection<never>;
    },
    transaction(work) {
      assertUsable(state);
      assert(state.undo === undefined, 'transactions do not nest');
      const undo: (() => void)[] = (state.undo = []);
      try {
        work();
      } catch (cause) {
        for (const step of undo.reverse()) step();
        throw cause;
      } finally {
        state.undo = undefined;
      }
    },
    close() {
      state.open = false;
      collections.clear();
    },
  };
}

/** A Map keeps the place of a replaced key, as `Collection.find` promises. */
type Documents = Map<string, Stored>;

interface Stored {
  json: string;
  /** The values of the indexes, so that documents that do not match are not parsed. */
  fields: readonly unknown[];
}

interface State {
  open: boolean;
  /** In a transaction: what undoes each of its writes, in the order of the writes. */
  undo: (() => void)[] | undefined;
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
    assertUsable(this.#state);
    const documents = this.#documents;
    const former = documents.get(key);
    this.#state.undo?.push(() => (former === undefined ? documents.delete(key) : documents.set(key, former)));
    const fields = this.indexes.map((field) => (value as Record<string, unknown>)[field]);
    documents.set(key, { json: JSON.stringify(value), fields });
  }

  delete(key: string): boolean {
    assertUsable(this.#state);
    const documents = this.#documents;
    if (this.#state.undo !== undefined) this.#state.undo.push(restoring(documents));
    return documents.delete(key);
  }

  find(query: FindQuery<T> = {}): T[] {
    assertUsable(this.#state);
    assertFindable(query, this.indexes);
    const { where = {}, keyPrefix = '', newestFirst = false, limit = Infinity } = query;
    const wanted = Object.entries(where).map(([field, text]) => ({ place: this.indexes.indexOf(field), text }));
    const found: T[] = [];
    const all = [...this.#documents];
    for (const [key, { json, fields }] of newestFirst ? all.reverse() : all) {
      if (found.length >= limit) break;
      if (key.startsWith(keyPrefix) && wanted.every(({ place, text }) => fields[place] === text))
        found.push(JSON.parse(json) as T);
    }
    return found;
  }

  count(): number {
    assertUsable(this.#state);
    return this.#documents.size;
  }
}

/** Restores all documents: one that was deleted would otherwise lose its place. */
function restoring(documents: Documents): () => void {
  const copy = new Map(documents);
  return () => {
    documents.clear();
    for (const [key, stored] of copy) documents.set(key, stored);
  };
}

function assertUsable(state: State): void {
  assert(state.open, 'the catalog is closed');
}
