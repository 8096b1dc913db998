import type { Prefix } from './prefixes.ts';

/** Workers remembered; beyond that, those that answered last. */
const WORKERS_LIMIT = 10_000;
/** Conversations of all workers together. */
const CONVERSATIONS_LIMIT = 20_000;

/**
 * Which worker has recently answered which conversation, and so may have its beginning in its KV cache. The cache of a worker holds one
 * conversation per slot; older ones are gone there, and forgotten here.
 */
export class PrefixMemory {
  /** By worker, its oldest conversation first; the worker that answered last is last. */
  readonly #byWorker = new Map<string, Prefix[][]>();
  /** By hash: in how many conversations of each worker it occurs. */
  readonly #workersOf = new Map<number, Map<string, number>>();
  #conversations = 0;

  /** Characters of the longest known beginning, by worker. */
  match(prefixes: readonly Prefix[]): ReadonlyMap<string, number> {
    let found: Map<string, number> | undefined;
    // The longest first: a later, shorter match does not replace it.
    for (const { hash, chars } of prefixes) {
      for (const key of this.#workersOf.get(hash)?.keys() ?? []) {
        found ??= new Map();
        if (!found.has(key)) found.set(key, chars);
      }
    }
    return found ?? NONE;
  }

  remember(key: string, prefixes: Prefix[], slots: number): void {
    if (prefixes.length === 0) return;
    const conversations = this.#byWorker.get(key) ?? [];
    // Deleted first, so that the map is in the order of use.
    this.#byWorker.delete(key);
    this.#byWorker.set(key, conversations);
    const before = conversations.findIndex((known) => isContinued(known, prefixes));
    if (before >= 0) this.#drop(key, conversations.splice(before, 1));
    conversations.push(prefixes);
    this.#conversations += 1;
    for (const { hash } of prefixes) this.#count(hash, key, 1);
    this.#drop(key, conversations.splice(0, Math.max(0, conversations.length - slots)));
    while (this.#conversations > CONVERSATIONS_LIMIT || this.#byWorker.size > WORKERS_LIMIT) {
      const oldest = this.#byWorker.keys().next();
      if (oldest.done) return;
      this.forget(oldest.value);
    }
  }

  forget(key: string): void {
    this.#drop(key, this.#byWorker.get(key) ?? []);
    this.#byWorker.delete(key);
  }

  /** Conversations remembered. */
  get size(): number {
    return this.#conversations;
  }

  #drop(key: string, conversations: readonly (readonly Prefix[])[]): void {
    this.#conversations -= conversations.length;
    for (const prefixes of conversations) for (const { hash } of prefixes) this.#count(hash, key, -1);
  }

  #count(hash: number, key: string, by: number): void {
    const counts = this.#workersOf.get(hash) ?? new Map<string, number>();
    const count = (counts.get(key) ?? 0) + by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
    if (counts.size > 0) this.#workersOf.set(hash, counts);
    else this.#workersOf.delete(hash);
  }
}

const NONE: ReadonlyMap<string, number> = new Map();

/** Whether the second begins with all of the first: the same conversation, some turns later. */
function isContinued([longest]: readonly Prefix[], later: readonly Prefix[]): boolean {
  return longest !== undefined && later.some(({ hash }) => hash === longest.hash);
}
