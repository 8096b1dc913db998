import { JobError } from '../../contract/index.ts';
import { waitingJobsLimit } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import { fits, pickFree, pickLeastBusy, slotsFor, type Need } from './pick.ts';
import type { WorkerProcess } from './worker-process.ts';

/**
 * Requests that may wait for a slot on one hive. The queen's queue is the one that requests wait in; this one absorbs races between
 * its choice and the slots, and serves clients that call a hive directly.
 */
const SLOT_WAITING_LIMIT = waitingJobsLimit();
/** How long a request that must run alone waits for a worker to finish its other requests. The worker gets no new ones meanwhile. */
const ALONE_WITHIN_MS = 2 * 60_000;

/** Slots of a worker that one request holds until `release`. */
export interface Lease {
  worker: WorkerProcess;
  release(): void;
}

interface Waiter {
  need: Need;
  resolve: (lease: Lease | undefined) => void;
  /** The worker that gets no other request, for a request that must run alone. */
  kept: WorkerProcess | undefined;
  reject: (reason: Error) => void;
  /** Runs while the kept worker has other answers to finish. */
  deadline: NodeJS.Timeout | undefined;
}

/** Hands out the slots of ready workers, first come, first served. */
export class SlotQueue {
  readonly #workers: () => Iterable<WorkerProcess>;
  readonly #onChange: () => void;
  readonly #waiting = new Set<Waiter>();
  /** Those of them that must run alone: few, and each looks at all others. */
  readonly #waitingAlone = new Set<Waiter>();
  /** Workers on which a request runs alone. */
  readonly #alone = new Set<WorkerProcess>();

  /** @param onChange called when a slot is taken or released, and when a worker becomes ready or exits */
  constructor(workers: () => Iterable<WorkerProcess>, onChange: () => void) {
    this.#workers = workers;
    this.#onChange = onChange;
  }

  /** A slot at once, or undefined. Requests that already wait for the same worker come first. */
  take(need: Need): Lease | undefined {
    const worker = pickFree(this.#workers(), need, (each) => this.#isKept(each));
    if (worker === undefined) return undefined;
    for (const waiter of this.#waiting) if (pickFree([worker], waiter.need) !== undefined) return undefined;
    return this.hold(worker, slotsFor(need, worker), need.isAlone);
  }

  /**
   * Resolves when a slot is free, or with undefined when no ready worker fits.
   * @throws JobError worker_busy when too many wait; the signal's reason
   */
  wait(need: Need, signal: AbortSignal): Promise<Lease | undefined> {
    if (this.#waiting.size >= SLOT_WAITING_LIMIT) {
      throw new JobError('worker_busy', `All slots are taken and ${SLOT_WAITING_LIMIT} requests are waiting already`);
    }
    const ahead = this.#waiting.size;
    narrate('queue', `all slots are taken; waiting for one${ahead === 0 ? '' : `, ${ahead} ahead`}`);
    return new Promise((resolve, reject) => {
      const fail = (reason: Error) => {
        clearTimeout(waiter.deadline);
        signal.removeEventListener('abort', leave);
        this.#remove(waiter);
        reject(reason);
        // Its reserved worker is available to others; any other request had nothing to give back.
        if (need.isAlone === true) this.serve();
        else this.#onChange();
      };
      const leave = () => fail(signal.reason as Error);
      const waiter: Waiter = {
        need,
        resolve: (lease) => {
          clearTimeout(waiter.deadline);
          signal.removeEventListener('abort', leave);
          resolve(lease);
        },
        kept: undefined,
        reject: fail,
        deadline: undefined,
      };
      this.#waiting.add(waiter);
      if (need.isAlone === true) this.#waitingAlone.add(waiter);
      this.#keepFor(waiter);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** To be called when a slot may have become free, or a worker has exited. */
  serve(): void {
    this.#onChange();
    for (const waiter of this.#waiting) {
      const worker = pickFree(this.#workers(), waiter.need, (each) => this.#isKept(each, waiter));
      if (worker === undefined && this.#hasHope(waiter.need)) {
        this.#keepFor(waiter);
        continue;
      }
      this.#remove(waiter);
      waiter.resolve(worker === undefined ? undefined : this.hold(worker, slotsFor(waiter.need, worker), waiter.need.isAlone));
    }
  }

  /** Several requests that must run alone wait for different workers, while there are enough. */
  #keepFor(waiter: Waiter): void {
    if (waiter.need.isAlone !== true) return;
    if (waiter.kept?.state.kind !== 'ready')
      waiter.kept = pickLeastBusy(this.#workers(), waiter.need, (each) => this.#isKept(each, waiter));
    this.#setDeadline(waiter);
  }

  /** After a worker died, all of its requests run alone, one after another: the time of those before does not count. */
  #setDeadline(waiter: Waiter): void {
    if (waiter.kept === undefined || this.#alone.has(waiter.kept)) {
      clearTimeout(waiter.deadline);
      waiter.deadline = undefined;
    } else waiter.deadline ??= setTimeout(() => waiter.reject(neverAlone()), ALONE_WITHIN_MS).unref();
  }

  #remove(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    this.#waitingAlone.delete(waiter);
  }

  #isKept(worker: WorkerProcess, besides?: Waiter): boolean {
    for (const waiter of this.#waitingAlone) if (waiter.kept === worker && waiter !== besides) return true;
    return false;
  }

  #hasHope(need: Need): boolean {
    for (const worker of this.#workers()) if (worker.state.kind === 'ready' && fits(worker, need)) return true;
    return false;
  }

  /** Slots of this worker, free or not: for a request that already runs there. */
  hold(worker: WorkerProcess, slots: number, isAlone = false): Lease {
    worker.inFlight += slots;
    if (isAlone) this.#alone.add(worker);
    this.#onChange();
    let isHeld = true;
    return {
      worker,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        worker.inFlight -= slots;
        if (isAlone) this.#alone.delete(worker);
        worker.lastUsedAt = new Date().toISOString();
        worker.usedMs = performance.now();
        this.serve();
      },
    };
  }
}

function neverAlone(): JobError {
  const sentence = `A worker exited while it computed this request, so it must run alone, and no worker was free of other requests for ${ALONE_WITHIN_MS / 60_000} min`;
  return new JobError('worker_busy', sentence);
}
