/**
 * Who waits, in the order in which they are to be served: one of each caller in turn, so that a caller with a hundred requests does not keep
 * out one with a single one. Without callers, first come, first served.
 */
export class FairQueue<T extends object> {
  /** By caller; the one served last is last. */
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

  /** @param isServed then its caller's next turn comes after everybody else's */
  remove(caller: string, waiter: T, isServed = false): void {
    const own = this.#callers.get(caller);
    if (own?.delete(waiter) !== true) return;
    this.#size -= 1;
    if (own.size === 0 || isServed) this.#callers.delete(caller);
    if (own.size > 0 && isServed) this.#callers.set(caller, own);
  }

  /** As they stand now; adding and removing while it is read is no harm. */
  inTurn(): T[] {
    const rows = [...this.#callers.values()].map((own) => [...own]);
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return only;
    const longest = Math.max(0, ...rows.map((row) => row.length));
    return Array.from({ length: longest }, (_, turn) => rows.flatMap((row) => row.slice(turn, turn + 1))).flat();
  }
}
