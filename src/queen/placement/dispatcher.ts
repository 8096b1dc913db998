import { DEFAULT_SLOTS, JobError, shapeFor, type Explanation, type InputOf, type Model } from '../../contract/index.ts';
import { isFor, pendingRequest, type PendingRequest } from './pending-request.ts';
import { FailedHives } from './failed-hives.ts';
import { MemoryClaims } from './memory-claims.ts';
import { explain } from './explain.ts';
import { workerKey, type FleetIndex, type IndexedHive } from './fleet-index.ts';
import {
  isFailedStart,
  isTaken,
  patchOf,
  type Reservation,
  type ReservationInput,
  type ReservationOptions,
  type Outcome,
  type Taken,
} from './reservation.ts';
import { place } from './place.ts';
import type { Placement, PlacementMemory } from './placement.ts';
import { PrefixMemory } from './prefix-memory.ts';
import { RecentTimes } from './recent-times.ts';
import { Speeds } from './speeds.ts';
import { PendingSpawns, type Spawn } from './pending-spawns.ts';
import { RequestQueue } from './request-queue.ts';

/** A worker whose start was decided is reported within this; otherwise the requests that wait for it look for another place. */
const SHOWS_UP_MS = 60_000;

export interface DispatcherParts {
  /** Kept up to date by its owner, which then calls `changed`. */
  fleet: FleetIndex;
  /** Starts a hive that is asleep, or waits for its first report: resolves when the fleet shows it up, with its report. */
  wake: (hiveId: string, signal: AbortSignal) => Promise<void>;
}

interface Held {
  readonly placement: Taken;
  readonly ask: PendingRequest;
  readonly startedMs: number;
  readonly spawn: Spawn | undefined;
  /** Key of the worker, once there is one, and how many slots of it are reserved. */
  key: string | undefined;
  slots: number;
  timer: NodeJS.Timeout | undefined;
}

/** Reserves a place for each request, and learns from its outcome. It alone counts what the queen has sent out. */
export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #memory: PlacementMemory = { speeds: new Speeds(), spawns: new PendingSpawns(), claims: new MemoryClaims() };
  readonly #prefixes = new PrefixMemory();
  readonly #times = new RecentTimes();
  readonly #spawning = new Map<Spawn, Held>();
  #asked = 0;
  readonly #room: RequestQueue;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#room = new RequestQueue({
      decide: (ask, ahead) => this.#decide(ask, ahead),
      take: (ask, placement) => (isTaken(placement) ? this.#take(ask, placement) : undefined),
      medianMs: (model) => this.#times.medianMs(model),
      claims: this.#memory.claims,
    });
  }

  /**
   * Resolves as soon as there is a place to run a request. The reservation has to be released however the request ends.
   * @throws JobError the refusal of placement; worker_busy when too many wait; why a hive could not be started; the signal's reason
   */
  async reserve(input: ReservationInput, options: ReservationOptions): Promise<Reservation> {
    // A copy: hives that fail while it waits here do not affect its later reservations.
    const failedHives = options.failedHives?.copy() ?? this.noFailedHives();
    const ask = pendingRequest(input, { ...options, failedHives, ticket: options.ticket ?? this.takeTicket() });
    for (;;) {
      ask.signal.throwIfAborted();
      const placement = this.#decideInTurn(ask);
      if (placement.kind === 'refuse') throw ask.failedHives.failure ?? placement.error;
      if (placement.kind === 'wake') {
        ask.onWait();
        await this.#wake(ask, placement.hive);
      } else if (placement.kind !== 'wait') return this.#take(ask, placement);
      else {
        ask.onWait();
        const reservation = await this.#room.wait(ask, placement);
        if (reservation !== undefined) return reservation;
      }
    }
  }

  /** The position of a request among all others. It keeps it for all of its attempts. */
  takeTicket(): number {
    this.#asked += 1;
    return this.#asked;
  }

  /** For a request that no hive has failed yet. */
  noFailedHives(): FailedHives {
    return new FailedHives(this.#parts.fleet);
  }

  /** To be called after every change of the fleet. A worker that a request has started is that request's at once. */
  changed(): void {
    const { fleet } = this.#parts;
    for (const spawn of this.#memory.spawns.size === 0 ? [] : this.#memory.spawns.notice(fleet)) {
      const holding = this.#spawning.get(spawn);
      if (holding?.key !== undefined || holding === undefined || spawn.worker === undefined) continue;
      this.#assign(holding, spawn.worker);
    }
    this.#room.serveSoon();
  }

  /** The cache of a worker is gone with it, and its successor may have another speed. */
  forgetWorker(hiveId: string, workerId: string): void {
    const key = workerKey(hiveId, workerId);
    this.#prefixes.forget(key);
    this.#memory.speeds.forget(key);
  }

  /** Whether a request would get a place now, or after a wait. */
  couldRun(input: ReservationInput, failedHives: FailedHives): boolean {
    const ask = pendingRequest(input, { signal: new AbortController().signal, failedHives, ticket: this.#asked + 1 });
    return this.#decide(ask, this.#room.countLike(ask)).kind !== 'refuse';
  }

  /** The decision for a request now. Reserves and starts nothing. */
  explain(input: InputOf<'explain'> & { file?: Model | undefined }): Explanation {
    const ask = pendingRequest(input, {
      signal: new AbortController().signal,
      failedHives: this.noFailedHives(),
      ticket: this.#asked + 1,
      file: input.file,
    });
    this.#prepare(ask, this.#room.countLike(ask));
    return explain(ask.request, this.#parts.fleet, this.#memory);
  }

  /** A new request does not overtake the requests that wait for the same places. */
  #decideInTurn(ask: PendingRequest): Placement {
    const ahead = this.#room.countLike(ask);
    const placement = this.#decide(ask, ahead);
    if (ahead === 0 || placement.kind !== 'worker') return placement;
    this.#room.serve();
    return this.#decide(ask, this.#room.countLike(ask));
  }

  #decide(ask: PendingRequest, ahead: number): Placement {
    this.#prepare(ask, ahead);
    return place(ask.request, this.#parts.fleet, this.#memory);
  }

  #prepare({ request, prefixes, failedHives }: PendingRequest, ahead: number): void {
    request.ahead = ahead;
    request.failedHives = failedHives.now();
    request.now = Date.now();
    request.affinity = this.#prefixes.match(prefixes);
  }

  /** A hive that does not start, or does not report, is excluded for this request. One that came up and went down again is started again. */
  async #wake(ask: PendingRequest, { hive_id, ups }: IndexedHive): Promise<void> {
    if (ask.woken.get(hive_id) === ups) {
      ask.failedHives.add(hive_id, 'was started and has reported nothing');
      return;
    }
    ask.woken.set(hive_id, ups);
    try {
      await this.#parts.wake(hive_id, ask.signal);
    } catch (cause) {
      ask.signal.throwIfAborted();
      if (!(cause instanceof JobError)) throw cause;
      ask.failedHives.add(hive_id, `does not start: ${cause.message}`, cause);
    }
  }

  #take(ask: PendingRequest, placement: Taken): Reservation {
    const spawn = placement.kind === 'worker' ? undefined : spawnOf(placement, ask);
    const key = placement.kind === 'worker' ? placement.worker.key : undefined;
    const holding: Held = { placement, ask, startedMs: performance.now(), spawn, key: undefined, slots: 0, timer: undefined };
    if (key !== undefined) this.#assign(holding, key);
    if (spawn !== undefined) this.#begin(spawn, holding);
    const patch = patchOf(placement);
    let isHeld = true;
    return {
      hive_id: patch.hive_id,
      patch,
      placement,
      release: (outcome = {}) => {
        if (isHeld) this.#end(holding, outcome);
        isHeld = false;
      },
    };
  }

  /** A request that runs alone has all slots. */
  #assign(holding: Held, key: string): void {
    const { fleet } = this.#parts;
    holding.key = key;
    holding.slots = holding.ask.isAlone ? (fleet.worker(key)?.slots ?? 1) : 1;
    fleet.assign(key, holding.slots);
  }

  #begin(spawn: Spawn, holding: Held): void {
    this.#memory.spawns.begin(spawn);
    this.#spawning.set(spawn, holding);
    // A download may take long; its end or failure ends the reservation.
    if (holding.placement.kind === 'download') return;
    holding.timer = setTimeout(() => {
      if (spawn.worker !== undefined) return;
      this.#memory.spawns.end(spawn);
      this.#room.serve();
    }, SHOWS_UP_MS).unref();
  }

  #end(holding: Held, outcome: Outcome): void {
    const { spawn, key, slots, placement } = holding;
    clearTimeout(holding.timer);
    if (key !== undefined) this.#parts.fleet.assign(key, -slots);
    if (spawn !== undefined) {
      this.#memory.spawns.end(spawn);
      this.#spawning.delete(spawn);
    }
    if (outcome.error === undefined) this.#learn(holding, outcome);
    else if (placement.kind !== 'worker' && isFailedStart(outcome.error))
      this.#tellFailure(placement, holding.ask, outcome.error);
    this.#room.serve();
  }

  #learn({ placement, ask, startedMs, key }: Held, { worker_id, tokens_per_s }: Outcome): void {
    const { hive_id } = patchOf(placement);
    // The duration of a start says nothing about that of requests.
    if (placement.kind === 'worker') this.#times.note(ask.request.model, performance.now() - startedMs);
    const worker = worker_id === undefined ? key : workerKey(hive_id, worker_id);
    if (worker === undefined) return;
    if (tokens_per_s !== undefined) this.#memory.speeds.learn(worker, tokens_per_s);
    this.#prefixes.remember(worker, ask.prefixes, this.#parts.fleet.worker(worker)?.slots ?? DEFAULT_SLOTS);
  }

  /** The requests that wait for a worker that failed to start would only repeat the failure, one after another. */
  #tellFailure({ hive }: Exclude<Taken, { kind: 'worker' }>, { request }: PendingRequest, error: JobError): void {
    const hiveId = hive.hive_id;
    const { model } = request;
    const { context } = shapeFor(request);
    for (const ask of this.#room.dismiss((each) => isFor(each, { model, hiveId, context }))) {
      ask.failedHives.add(hiveId, `could not start a worker: ${error.message}`, error);
    }
  }
}

function spawnOf(
  { hive, where, bytes, ...placement }: Exclude<Taken, { kind: 'worker' }>,
  { request }: PendingRequest,
): Spawn | undefined {
  // A file that only its hive can read: the hive itself finds out its memory need, and shares it among requests.
  if (where === undefined || bytes === 0) return undefined;
  const evicted = placement.kind === 'evict' ? placement.workers.map(({ worker_id }) => worker_id) : [];
  const { worker, device } = where;
  const on = { worker, device };
  const { context } = shapeFor(request);
  return {
    model: request.model,
    hiveId: hive.hive_id,
    where: on,
    bytes,
    context,
    evicted,
    report: hive.report,
    worker: undefined,
  };
}
