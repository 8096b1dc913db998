import { JobError } from '../../contract/index.ts';
import { narrate } from '../../narration/index.ts';
import { fits, pickFree, pickLeastBusy, slotsFor, type Need } from './pick.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Requests that may wait for a slot on one hive. */
const WAITING_LIMIT = 512;
/** For a worker to have nothing else to do. Meanwhile it is given nothing else, so this is the time that its answers still take. */
const ALONE_WITHIN_MS = 2 * 60_000;

/** A slot that is ours until `release`. */
export interface Lease {
  worker: WorkerProcess;
  release(): void;
}

interface Waiter {
  need: Need;
  resolve: (lease: Lease | undefined) => void;
  /** The worker that is given nothing else, for one who is to run there alone. */
  kept: WorkerProcess | undefined;
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
    const worker = pickFree(this.#workers(), need, (each) => this.#isKept(each));
    if (worker === undefined) return undefined;
    for (const waiter of this.#waiting) if (pickFree([worker], waiter.need) !== undefined) return undefined;
    return this.hold(worker, slotsFor(need, worker));
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
      const fail = (reason: Error) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        this.#waiting.delete(waiter);
        reject(reason);
        // What was kept for it is anybody's.
        this.serve();
      };
      const leave = () => fail(signal.reason as Error);
      const timer = need.isAlone === true ? setTimeout(() => fail(neverAlone()), ALONE_WITHIN_MS).unref() : undefined;
      const waiter: Waiter = {
        need,
        resolve: (lease) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', leave);
          resolve(lease);
        },
        kept: undefined,
      };
      this.#waiting.add(waiter);
      this.#keepFor(waiter);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** To be called whenever a slot may have become free, or a worker has gone. */
  serve(): void {
    this.#onChange();
    for (const waiter of this.#waiting) {
      const worker = pickFree(this.#workers(), waiter.need, (each) => this.#isKept(each, waiter));
      if (worker === undefined && this.#hasHope(waiter.need)) {
        this.#keepFor(waiter);
        continue;
      }
      this.#waiting.delete(waiter);
      waiter.resolve(worker === undefined ? undefined : this.hold(worker, slotsFor(waiter.need, worker)));
    }
  }

  /** Of several who are to run alone, each waits for a worker of its own, as long as there are enough. */
  #keepFor(waiter: Waiter): void {
    if (waiter.need.isAlone !== true || waiter.kept?.state.kind === 'ready') return;
    waiter.kept = pickLeastBusy(this.#workers(), waiter.need, (each) => this.#isKept(each, waiter));
  }

  #isKept(worker: WorkerProcess, besides?: Waiter): boolean {
    for (const waiter of this.#waiting) if (waiter.kept === worker && waiter !== besides) return true;
    return false;
  }

  #hasHope(need: Need): boolean {
    for (const worker of this.#workers()) if (worker.state.kind === 'ready' && fits(worker, need)) return true;
    return false;
  }

  /** Slots of this very worker, free or not: for a request that runs there already. */
  hold(worker: WorkerProcess, slots: number): Lease {
    worker.inFlight += slots;
    this.#onChange();
    let isHeld = true;
    return {
      worker,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        worker.inFlight -= slots;
        worker.lastUsedAt = new Date().toISOString();
        this.serve();
      },
    };
  }
}

function neverAlone(): JobError {
  const sentence = `A worker ended while it computed this request, so it is tried alone; no worker had nothing else to do for ${ALONE_WITHIN_MS / 60_000} min`;
  return new JobError('worker_busy', sentence);
}
