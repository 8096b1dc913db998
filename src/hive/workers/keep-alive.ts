import type { Catalog, Collection } from '../../jobs/index.ts';
import { isEvictable } from './choose-evictions.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A timer of Node takes no more than 24 days, and a machine may sleep meanwhile: it is looked again after this. */
const LOOK_AGAIN_MS = 60 * 60_000;
/** A request that waits in the queen for a slot of the worker arrives within this. */
const LEAST_MS = 250;

interface Kept {
  keep_alive_s: number;
}

interface KeepAliveParts {
  catalog: Catalog;
  workers: () => Iterable<WorkerProcess>;
  /** Stops an idle worker. */
  stop: (worker: WorkerProcess) => void;
}

/**
 * Stops workers that were idle for as long as a request has asked for, counted from the end of their last request. The latest request that
 * says so decides. It is stored: a worker that outlives its hive is stopped by the next process of the hive, counted from its start.
 */
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  readonly #stored: Collection<Kept>;
  /** By worker. Negative: never. */
  readonly #seconds = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
    this.#stored = parts.catalog.collection<Kept>('keep_alive');
  }

  /** To be called when the workers of a previous process have been adopted. */
  restore(): void {
    for (const { id } of this.#parts.workers()) {
      const kept = this.#stored.get(id);
      if (kept !== undefined) this.#seconds.set(id, kept.keep_alive_s);
    }
    this.changed();
  }

  set(workerId: string, seconds: number): void {
    if (this.#seconds.get(workerId) === seconds) return;
    this.#seconds.set(workerId, seconds);
    this.#stored.put(workerId, { keep_alive_s: seconds });
    this.changed();
  }

  forget(workerId: string): void {
    if (this.#seconds.delete(workerId)) this.#stored.delete(workerId);
  }

  /** To be called when a request has ended, or a worker has become ready. Stops those that are due, and waits for the next one. */
  changed(): void {
    if (this.#seconds.size === 0) return;
    clearTimeout(this.#timer);
    let next = Infinity;
    for (const worker of this.#parts.workers()) {
      worker.keepAliveS = this.#seconds.get(worker.id);
      const leftMs = this.#leftMs(worker);
      if (leftMs > 0) next = Math.min(next, leftMs);
      else this.#parts.stop(worker);
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.changed(), Math.min(next, LOOK_AGAIN_MS)).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Infinite for a worker that is not to be stopped now. */
  #leftMs(worker: WorkerProcess): number {
    const seconds = worker.keepAliveS;
    if (seconds === undefined || seconds < 0 || !isEvictable(worker)) return Infinity;
    return Math.max(LEAST_MS, seconds * 1_000) - (performance.now() - worker.usedMs);
  }
}
