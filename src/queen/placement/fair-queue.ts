/**
 * Waiting requests in the order in which they are served: one of each client in turn, so that a client with a hundred requests does not
 * delay one with a single request. Without clients, first come, first served.
 */
export class FairQueue<T extends object> {
  /** By client; the one served last is last. */
  readonly #callers = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(caller: string, waiter: T): void {
    const own = this.#callers.get(caller) ?? new Set();
    this.#callers.set(caller, own.add(waiter));
    this.#size += 1;
  }

  /** @param isServed its client's next turn then comes after all others */
  remove(caller: string, waiter: T, isServed = false): void {
    const own = this.#callers.get(caller);
    if (own?.delete(waiter) !== true) return;
    this.#size -= 1;
    if (own.size === 0 || isServed) this.#callers.delete(caller);
    if (own.size > 0 && isServed) this.#callers.set(caller, own);
  }

  /** A snapshot: waiters may be added and removed while it is read. */
  inTurn(): T[] {
    const rows = [...this.#callers.values()].map((own) => [...own]);
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return only;
    const longest = Math.max(0, ...rows.map((row) => row.length));
    return Array.from({ length: longest }, (_, turn) => rows.flatMap((row) => row.slice(turn, turn + 1))).flat();
  }
}
