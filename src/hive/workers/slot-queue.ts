import { JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { fits, pickFree, type Need } from './pick.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Requests that may wait for a slot on one hive. */
const WAITING_LIMIT = 512;

/** A slot that is ours until `release`. */
export interface Lease {
  worker: WorkerProcess;
  release(): void;
}

interface Waiter {
  need: Need;
  resolve: (lease: Lease | undefined) => void;
}

/** Hands out the slots of ready workers, first come, first served. */
export class SlotQueue {
  readonly #workers: () => Iterable<WorkerProcess>;
  readonly #onChange: () => void;
  readonly #waiting = new Set<Waiter>();

  /** @param onChange told of every slot that is taken or given back, and of workers that come and go */
  constructor(workers: () => Iterable<WorkerProcess>, onChange: () => void) {
    this.#workers = workers;
    this.#onChange = onChange;
  }

  /** A slot at once, or undefined. Those who wait for the same come first. */
  take(need: Need): Lease | undefined {
    const worker = pickFree(this.#workers(), need);
    if (worker === undefined) return undefined;
    for (const waiter of this.#waiting) if (pickFree([worker], waiter.need) !== undefined) return undefined;
    return this.hold(worker);
  }

  /**
   * Resolves when a slot is free, or with undefined when no worker that fits is left.
   * @throws JobError worker_busy when too many wait; the signal's reason
   */
  wait(need: Need, signal: AbortSignal): Promise<Lease | undefined> {
    if (this.#waiting.size >= WAITING_LIMIT) {
      throw new JobError('worker_busy', `All slots are taken and ${WAITING_LIMIT} requests wait already`);
    }
    const ahead = this.#waiting.size;
    narrate('queue', `all slots are taken; waiting for one${ahead === 0 ? '' : `, ${ahead} ahead`}`);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiter);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        need,
        resolve: (lease) => {
          signal.removeEventListener('abort', leave);
          resolve(lease);
        },
      };
      this.#waiting.add(waiter);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** To be called whenever a slot may have become free, or a worker has gone. */
  serve(): void {
    this.#onChange();
    for (const waiter of this.#waiting) {
      const worker = pickFree(this.#workers(), waiter.need);
      if (worker === undefined && this.#hasHope(waiter.need)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(worker === undefined ? undefined : this.hold(worker));
    }
  }

  #hasHope(need: Need): boolean {
    for (const worker of this.#workers()) if (worker.state.kind === 'ready' && fits(worker, need)) return true;
    return false;
  }

  /** A slot of this very worker, free or not: for a request that runs there already. */
  hold(worker: WorkerProcess): Lease {
    worker.inFlight += 1;
    this.#onChange();
    let isHeld = true;
    return {
      worker,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        worker.inFlight -= 1;
        worker.lastUsedAt = new Date().toISOString();
        worker.usedMs = performance.now();
        this.serve();
      },
    };
  }
}
