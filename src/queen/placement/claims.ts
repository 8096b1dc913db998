/**
 * Workers that have to end before a request for another model can be loaded, and that are still busy. Nobody who came after
 * that request is given a slot there: or a model that is asked for all the time would keep out every other.
 */
export class Claims {
  /** By worker: the numbers of the requests, which grow in the order in which they came. */
  readonly #byWorker = new Map<string, Set<number>>();
  readonly #byRequest = new Map<number, readonly string[]>();

  /** In place of what it claimed before. @param workers keys */
  set(request: number, workers: readonly string[]): void {
    this.drop(request);
    if (workers.length === 0) return;
    this.#byRequest.set(request, workers);
    for (const key of workers) this.#byWorker.set(key, (this.#byWorker.get(key) ?? new Set()).add(request));
  }

  drop(request: number): void {
    for (const key of this.#byRequest.get(request) ?? []) {
      const requests = this.#byWorker.get(key);
      requests?.delete(request);
      if (requests?.size === 0) this.#byWorker.delete(key);
    }
    this.#byRequest.delete(request);
  }

  /** Whether somebody who came before this request waits for the worker to end. */
  isBefore(worker: string, request: number): boolean {
    if (this.#byWorker.size === 0) return false;
    for (const other of this.#byWorker.get(worker) ?? []) if (other < request) return true;
    return false;
  }
}
