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
  reject: (reason: Error) => void;
  /** Runs while the kept worker has other answers to finish. */
  deadline: NodeJS.Timeout | undefined;
}

/** Hands out the slots of ready workers, first come, first served. */
export class SlotQueue {
  readonly #workers: () => Iterable<WorkerProcess>;
  readonly #onChange: () => void;
  readonly #waiting = new Set<Waiter>();
  /** Workers on which a request runs alone. */
  readonly #alone = new Set<WorkerProcess>();

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
    return this.hold(worker, slotsFor(need, worker), need.isAlone);
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
        clearTimeout(waiter.deadline);
        signal.removeEventListener('abort', leave);
        this.#waiting.delete(waiter);
        reject(reason);
        // What was kept for it is anybody's.
        this.serve();
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
      waiter.resolve(worker === undefined ? undefined : this.hold(worker, slotsFor(waiter.need, worker), waiter.need.isAlone));
    }
  }

  /** Of several who are to run alone, each waits for a worker of its own, as long as there are enough. */
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

  #isKept(worker: WorkerProcess, besides?: Waiter): boolean {
    for (const waiter of this.#waiting) if (waiter.kept === worker && waiter !== besides) return true;
    return false;
  }

  #hasHope(need: Need): boolean {
    for (const worker of this.#workers()) if (worker.state.kind === 'ready' && fits(worker, need)) return true;
    return false;
  }

  /** Slots of this very worker, free or not: for a request that runs there already. */
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
  const sentence = `A worker ended while it computed this request, so it is tried alone; no worker had nothing else to do for ${ALONE_WITHIN_MS / 60_000} min`;
  return new JobError('worker_busy', sentence);
}
