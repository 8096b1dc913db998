import { AsyncResource } from 'node:async_hooks';
import { JobError } from '../../contract/index.ts';
import { waitingJobsLimit } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import { queueKeyOf, type PendingRequest } from './pending-request.ts';
import type { MemoryClaims } from './memory-claims.ts';
import { FairQueue } from './fair-queue.ts';
import type { Reservation } from './reservation.ts';
import type { Placement, PlacementOf } from './placement.ts';
import { isClaimed, memoryWaitWords } from './wait-for-memory.ts';

/** Requests that may wait in the queen. */
const WAITING_LIMIT = waitingJobsLimit();

type Wait = PlacementOf<'wait'>;

interface Waiter {
  readonly ask: PendingRequest;
  readonly key: string;
  /** With the reservation, or with undefined to decide again. */
  readonly settle: (reservation: Reservation | undefined) => void;
  readonly tell: (wait: Wait, ahead: number) => void;
}

export interface RequestQueueParts {
  decide: (ask: PendingRequest, ahead: number) => Placement;
  /** Reserves the place of a decision; undefined for a refusal or a hive to start, which the request itself handles. */
  take: (ask: PendingRequest, placement: Placement) => Reservation | undefined;
  medianMs: (model: string) => number | undefined;
  claims: MemoryClaims;
}

/** Requests that wait for a slot, a load or memory. */
export class RequestQueue {
  readonly #parts: RequestQueueParts;
  readonly #queue = new FairQueue<Waiter>();
  readonly #counts = new Map<string, number>();
  #isServingSoon = false;

  constructor(parts: RequestQueueParts) {
    this.#parts = parts;
  }

  /** Requests that wait for the same places. */
  countLike(ask: PendingRequest): number {
    return this.#counts.size === 0 ? 0 : (this.#counts.get(queueKeyOf(ask)) ?? 0);
  }

  /**
   * Resolves with a reservation, or with undefined when placement has to decide again.
   * @throws JobError worker_busy when too many wait; the signal's reason
   */
  wait(ask: PendingRequest, wait: Wait): Promise<Reservation | undefined> {
    if (this.#queue.size >= WAITING_LIMIT)
      throw new JobError('worker_busy', `All slots are taken and ${WAITING_LIMIT} requests are waiting already`);
    const { signal, caller } = ask;
    const key = queueKeyOf(ask);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(waiter);
        reject(signal.reason as Error);
        this.serveSoon();
      };
      const waiter: Waiter = {
        ask,
        key,
        settle: (reservation) => {
          signal.removeEventListener('abort', leave);
          this.#remove(waiter, reservation !== undefined);
          resolve(reservation);
        },
        tell: this.#teller(ask.request.model),
      };
      if (!this.#counts.has(key)) this.#claim(ask, wait);
      waiter.tell(wait, this.#counts.get(key) ?? 0);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      this.#queue.add(caller, waiter);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }

  /**
   * To be called whenever something may have changed. Of the requests in one line, the first ones get what is free. Once one has to keep
   * waiting, only the one whose wait would exceed a turn of the slots is decided again.
   */
  serve(): void {
    if (this.#queue.size === 0) return;
    const stuck = new Map<string, { wait: Wait; ahead: number; isOver: boolean }>();
    for (const waiter of this.#queue.inTurn()) {
      const before = stuck.get(waiter.key);
      const ahead = before?.ahead ?? 0;
      const isSame = before !== undefined && (before.isOver || before.wait.isLoading || ahead < before.wait.slots);
      const placement = isSame ? before.wait : this.#parts.decide(waiter.ask, ahead);
      if (placement.kind !== 'wait') {
        waiter.settle(this.#parts.take(waiter.ask, placement));
        continue;
      }
      const isOver = before !== undefined && !isSame ? true : (before?.isOver ?? false);
      if (before === undefined) this.#claim(waiter.ask, placement);
      else this.#parts.claims.drop(waiter.ask.request.ticket);
      stuck.set(waiter.key, { wait: placement, ahead: ahead + 1, isOver });
      waiter.tell(placement, ahead);
    }
  }

  /** Once a turn of the event loop, for all changes in it: each call looks at all requests that wait. */
  serveSoon(): void {
    if (this.#isServingSoon) return;
    this.#isServingSoon = true;
    setImmediate(() => {
      this.#isServingSoon = false;
      this.serve();
    });
  }

  /** Removes requests from the queue to decide again, in the next tick, so that the caller can add to their failed hives first. */
  dismiss(isMeant: (ask: PendingRequest) => boolean): PendingRequest[] {
    const dismissed = this.#queue.inTurn().filter(({ ask }) => isMeant(ask));
    for (const waiter of dismissed) waiter.settle(undefined);
    return dismissed.map(({ ask }) => ask);
  }

  /** The first request of a line claims the memory that it waits for. */
  #claim({ request: { ticket } }: PendingRequest, { hive_id: hiveId, room }: Wait): void {
    const { claims } = this.#parts;
    if (room === undefined) claims.drop(ticket);
    else claims.set(ticket, { hiveId, where: room.where, workers: room.workers.map(({ key }) => key), bytes: room.bytes });
  }

  #remove(waiter: Waiter, isServed = false): void {
    this.#parts.claims.drop(waiter.ask.request.ticket);
    this.#queue.remove(waiter.ask.caller, waiter, isServed);
    const count = (this.#counts.get(waiter.key) ?? 1) - 1;
    if (count === 0) this.#counts.delete(waiter.key);
    else this.#counts.set(waiter.key, count);
  }

  /** Narrates the position of a request, in the context of its own job, and again each time it has halved. */
  #teller(model: string): Waiter['tell'] {
    const say = AsyncResource.bind((sentence: string) => narrate('queue', sentence));
    let last: { ahead: number; reason: string } | undefined;
    return (wait, ahead) => {
      const reason = wait.isLoading ? 'load' : wait.room !== undefined ? 'room' : isClaimed(wait) ? 'turn' : 'slot';
      if (last?.reason === reason && (ahead > last.ahead / 2 || ahead === last.ahead)) return;
      last = { ahead, reason };
      say(waitWords(model, { wait, ahead, medianMs: this.#parts.medianMs(wait.room?.workers[0]?.model ?? model) }));
    };
  }
}

interface Standing {
  wait: Wait;
  ahead: number;
  medianMs: number | undefined;
}

/** "all 4 slots for qwen3 are taken; waiting for one, 3 ahead, about 12 s". */
export function waitWords(model: string, { wait, ahead, medianMs }: Standing): string {
  const { isLoading, slots, hive_id } = wait;
  const queue = ahead === 0 ? '' : `, ${ahead} ahead`;
  if (isLoading) return `hive '${hive_id}' is loading ${model}; waiting for it${queue}`;
  const turns = wait.room === undefined ? (ahead + 1) / slots : 1;
  const estimate = medianMs === undefined ? '' : `, about ${Math.max(1, Math.round((turns * medianMs) / 1000))} s`;
  if (wait.room !== undefined) return `no memory is free for ${model}; waiting until ${memoryWaitWords(wait)}${queue}${estimate}`;
  if (isClaimed(wait))
    return `${wait.worker?.worker_id} is evicted for another model first; waiting for a turn of ${model}${queue}`;
  const taken = slots === 1 ? `the one slot for ${model} is taken` : `all ${slots} slots for ${model} are taken`;
  return `${taken}; waiting for one${queue}${estimate}`;
}
