import type { Catalog } from '../../jobs/index.ts';
import { JobError, type Device } from '../../contract/index.ts';
import { whenEnded } from '../../daemon/index.ts';
import { log } from '../../narration/index.ts';
import { admit } from './admit.ts';
import { findAdoptable } from './find-adoptable.ts';
import { lease, type LeaseRequest, type MakeSpec } from './lease.ts';
import { KeepAlive } from './keep-alive.ts';
import type { Reading } from './ledger.ts';
import { forgetOldLogs } from './old-logs.ts';
import { fits, type Need } from './pick.ts';
import { devicesIn, readMemory, type ReadDevices } from './read-memory.ts';
import { SlotQueue, type Lease } from './slot-queue.ts';
import { WorkerLifecycle, type LifecycleOptions } from './worker-lifecycle.ts';
import { newWorker, newWorkerId, type WorkerProcess } from './worker-process.ts';

export interface PoolOptions extends Omit<LifecycleOptions, 'onReadyOrExit'> {
  /** The devices of this machine, with their free memory now. */
  readDevices: ReadDevices;
  /** Keeps what must outlive this process. */
  catalog: Catalog;
}

/** The workers of this hive: which memory they get, and which request gets a slot. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #lifecycle: WorkerLifecycle;
  readonly #slots: SlotQueue;
  readonly #keepAlive: KeepAlive;
  /** Workers that exited while no hive was running. */
  readonly #diedAway = new Set<string>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#lifecycle = new WorkerLifecycle({ ...options, onReadyOrExit: () => this.#slots.serve() });
    this.#keepAlive = new KeepAlive({
      catalog: options.catalog,
      workers: () => this.#lifecycle.all(),
      stop: (worker) => this.#stopUnused(worker),
    });
    const onChange = () => {
      this.#keepAlive.changed();
      options.onChange();
    };
    this.#slots = new SlotQueue(() => this.#lifecycle.all(), onChange);
  }

  list(): WorkerProcess[] {
    return [...this.#lifecycle.all()];
  }

  /** @throws JobError worker_not_found */
  get(id: string): WorkerProcess {
    const worker = this.#lifecycle.find(id);
    if (worker === undefined)
      throw new JobError('worker_not_found', `Worker '${id}' not found on hive '${this.#options.hiveId}'`);
    return worker;
  }

  /** @throws JobError worker_not_found */
  logFile(id: string): string {
    return this.#options.paths.logFile(this.get(id).id);
  }

  /** Whether a process of this worker runs, or is about to be started again. */
  isRunning(id: string): boolean {
    const worker = this.#lifecycle.find(id);
    if (worker === undefined) return false;
    return worker.state.kind !== 'exited' || (worker.ending !== undefined && !worker.died.signal.aborted);
  }

  /** Whether a request would find a ready worker, even a busy one. */
  isLoaded(need: Need): boolean {
    return this.findReady(need) !== undefined;
  }

  /** A ready worker that fits, even a busy one. */
  findReady(need: Need): WorkerProcess | undefined {
    return this.list().find((worker) => worker.state.kind === 'ready' && fits(worker, need));
  }

  /** The devices of this machine, with the part of their memory that is promised. */
  async devices(): Promise<Device[]> {
    return devicesIn(await this.#read(), this.list());
  }

  /**
   * Starts a worker and waits until it has loaded its model. Stops no other worker for it.
   * @throws JobError model_corrupt, model_too_large, no_room, device_not_found, worker_start_failed, deadline_exceeded; cancelled
   */
  async spawn(makeSpec: MakeSpec, signal?: AbortSignal): Promise<WorkerProcess> {
    const reading = await this.#read();
    // No await until the worker is in the list, or two could be promised the same memory.
    const workers = this.list();
    const spec = makeSpec(devicesIn(reading, workers));
    const { after } = admit(spec, { workers, reading }, { mayEvict: false });
    const worker = this.#lifecycle.start(newWorkerId(), spec, { signal, after });
    await worker.loaded;
    return worker;
  }

  /**
   * A free slot on a worker that fits. Spawns a worker when none fits, and stops idle ones where it needs their memory.
   * @throws JobError no_room, model_too_large, and the errors of a load
   */
  lease(request: LeaseRequest): Promise<Lease> {
    return lease(
      {
        slots: this.#slots,
        list: () => this.list(),
        read: () => this.#read(),
        start: (spec, after) => this.#lifecycle.start(newWorkerId(), spec, { after }),
        evict: (worker) => this.#evict(worker),
      },
      request,
    );
  }

  /** The slot of a request that a previous process of this hive has sent to a worker. Undefined when the worker has exited. */
  leaseAdopted(id: string, { isAlone }: { isAlone: boolean }): Lease | undefined {
    const worker = this.#lifecycle.find(id);
    return worker?.state.kind === 'ready' ? this.#slots.hold(worker, isAlone ? worker.spec.slots : 1, isAlone) : undefined;
  }

  /** Stops the worker once it was idle for so many seconds, counted from the end of its last request; a negative number is never. */
  keepAlive({ id }: WorkerProcess, seconds: number | undefined): void {
    if (seconds !== undefined) this.#keepAlive.set(id, seconds);
  }

  /** Stops a worker and forgets it. Its requests end as failed. */
  async remove(id: string): Promise<void> {
    const worker = this.get(id);
    await this.#lifecycle.stop(worker);
    this.#lifecycle.forget(worker);
    this.#keepAlive.forget(id);
  }

  /** Same id, same spec, new process. */
  restart(id: string, signal: AbortSignal): Promise<WorkerProcess> {
    return this.#lifecycle.restart(this.get(id), signal);
  }

  /** Kills a worker that no longer answers. Its requests get `worker_died`. */
  kill(worker: WorkerProcess, why: string): Promise<void> {
    return this.#lifecycle.kill(worker, why);
  }

  /** Stops every worker; none is started from now on. */
  stopAll(): Promise<void> {
    this.#keepAlive.close();
    return this.#lifecycle.shutDown();
  }

  /** Whether a worker exited while no hive was running. */
  hasDiedAway(id: string): boolean {
    return this.#diedAway.has(id);
  }

  /** Adopts the workers that are still running from a previous process of this hive. Does not wait for those that it stops. */
  async adopt(): Promise<void> {
    const { adoptable, dead } = await findAdoptable(this.#options);
    for (const id of dead) this.#diedAway.add(id);
    for (const { pidfile, spec, port, contextSize, toolForm } of adoptable) {
      const { name } = pidfile;
      const worker: WorkerProcess = {
        ...newWorker(name, spec),
        contextSize,
        toolForm,
        identity: pidfile,
        state: { kind: 'ready', port },
      };
      this.#lifecycle.add(worker, whenEnded(pidfile, new AbortController().signal));
      log.info({ worker_id: name, model: spec.model }, `adopted ${name}`);
    }
    this.#keepAlive.restore();
    await forgetOldLogs(this.#options.paths.logs, new Set(this.list().map(({ id }) => id)));
  }

  #read(): Promise<Reading> {
    return readMemory(this.#options.readDevices, this.list());
  }

  #stopUnused(worker: WorkerProcess): void {
    log.info({ worker_id: worker.id }, `stopping ${worker.id}: unused for ${worker.keepAliveS} s`);
    this.#evict(worker);
  }

  /** Not awaited: the worker that needs the memory waits for `stopped`. */
  #evict(worker: WorkerProcess): void {
    this.remove(worker.id).catch((cause: unknown) =>
      log.error({ err: cause, worker_id: worker.id }, `${worker.id} could not be stopped`),
    );
  }
}
