import { JobError, type Device } from '../../contract/index.ts';
import { raceAbort } from '../../jobs/index.ts';
import { narrate } from '../../narration/index.ts';
import { admit } from './admit.ts';
import { workerGone } from './last-output.ts';
import type { Reading } from './ledger.ts';
import { fits, type Need } from './pick.ts';
import { devicesIn } from './read-memory.ts';
import type { Lease, SlotQueue } from './slot-queue.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

/** The worker to spawn when none fits, given what this machine has. */
export type MakeSpec = (devices: readonly Device[]) => WorkerSpec;

export interface LeaseRequest {
  need: Need;
  makeSpec: MakeSpec;
  signal: AbortSignal;
}

/** The part of the pool that a lease uses. */
export interface Leasable {
  slots: SlotQueue;
  list(): WorkerProcess[];
  read(): Promise<Reading>;
  /** Starts a worker, which loads once the others have exited. Promises it its memory at once. */
  start(spec: WorkerSpec, after: readonly WorkerProcess[]): WorkerProcess;
  /** Stops an idle worker, which gets no request from now on. */
  evict(worker: WorkerProcess): void;
}

/**
 * A free slot on a worker that fits. When none does, one is spawned, and idle workers are stopped where it needs their memory.
 * @throws JobError no_room, model_too_large, and what a load throws
 */
export async function lease(pool: Leasable, { need, makeSpec, signal }: LeaseRequest): Promise<Lease> {
  let fresh: Reading | undefined;
  for (;;) {
    signal.throwIfAborted();
    // Valid only until the next await: after that the machine may have changed.
    const reading = fresh;
    fresh = undefined;
    const taken = pool.slots.take(need);
    if (taken !== undefined) return taken;
    const fitting = pool.list().filter((worker) => fits(worker, need));
    const loading = fitting.find(({ state }) => state.kind === 'loading');
    const ending = fitting.find((worker) => worker.ending !== undefined && !worker.died.signal.aborted);
    if (fitting.some(({ state }) => state.kind === 'ready')) {
      const waited = await pool.slots.wait(need, signal);
      if (waited !== undefined) return waited;
    } else if (loading !== undefined) {
      narrate('worker_load', `worker ${loading.id} is loading ${loading.spec.model}; waiting for it`);
      await untilLoaded(loading, signal);
    } else if (ending !== undefined) {
      // It is being killed and will be restarted: another worker would be one too many.
      await raceAbort(ending.ending ?? Promise.resolve(), signal);
    } else if (need.workerId !== undefined) {
      throw goneWorker(need.workerId, fitting[0]);
    } else if (reading === undefined) {
      // Another request may start a worker during the read: check again after it.
      fresh = await raceAbort(pool.read(), signal);
    } else {
      // The load continues if this request is cancelled: others may be waiting for it by then.
      await untilLoaded(spawn(pool, makeSpec, reading), signal);
    }
  }
}

/** Without an await: memory that is found free is promised, and idle workers are stopped, before another request can look. */
function spawn(pool: Leasable, makeSpec: MakeSpec, reading: Reading): WorkerProcess {
  const workers = pool.list();
  const spec = makeSpec(devicesIn(reading, workers));
  const { evict, after } = admit(spec, { workers, reading }, { mayEvict: true });
  for (const worker of evict) {
    const unused = minutes(performance.now() - worker.usedMs);
    narrate('evict', `stopping idle ${worker.id} (${worker.spec.model}, unused for ${unused}) to free memory for ${spec.model}`);
    pool.evict(worker);
  }
  return pool.start(spec, [...after, ...evict]);
}

/** A worker that a request waits for is not evicted before that request has run. */
async function untilLoaded(worker: WorkerProcess, signal: AbortSignal): Promise<void> {
  worker.awaited += 1;
  try {
    await raceAbort(worker.loaded, signal);
  } finally {
    worker.awaited -= 1;
  }
}

function goneWorker(id: string, worker: WorkerProcess | undefined): JobError {
  if (worker === undefined) return new JobError('worker_not_found', `Worker '${id}' no longer exists`);
  const { state } = worker;
  return state.kind === 'exited'
    ? workerGone(id, state.lastWords)
    : new JobError('worker_unreachable', `Worker '${id}' is ${state.kind}`);
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
