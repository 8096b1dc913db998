import type { Prefix } from './prefixes.ts';

/** Workers remembered; of more, those that answered last. */
const WORKERS_LIMIT = 10_000;
/** Of all workers together. */
const CONVERSATIONS_LIMIT = 20_000;

/**
 * Which worker has answered which conversation lately, and so may have its beginning in its KV cache. A worker's cache holds one
 * conversation a slot: of older ones nothing is left there, so none are remembered.
 */
export class PrefixMemory {
  /** By worker, the oldest conversation first; the worker that answered last is last. */
  readonly #byWorker = new Map<string, Prefix[][]>();
  /** By hash: in how many of a worker's conversations it is. */
  readonly #workersOf = new Map<number, Map<string, number>>();
  #conversations = 0;

  /** Characters of the longest beginning that each worker has seen. Empty when none has. */
  match(prefixes: readonly Prefix[]): ReadonlyMap<string, number> {
    let found: Map<string, number> | undefined;
    // The longest first: what a worker has been found with stays.
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
    // Taken out first, so that the map is in the order of use.
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

  /** Conversations, for whoever wants to know what is held. */
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
