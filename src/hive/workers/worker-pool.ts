import { JobError, type Device } from '../../contract/index.ts';
import { removePidfile, stopProcess, whenEnded, type HomePaths } from '../../daemon/index.ts';
import { log, narrate } from '../../narration/index.ts';
import { admit } from './admit.ts';
import { findAdoptable } from './find-adoptable.ts';
import { lease, type LeaseRequest, type MakeSpec } from './lease.ts';
import type { Reading } from './ledger.ts';
import { STOP_GRACE_MS } from './limits.ts';
import { forgetLog, forgetOldLogs } from './old-logs.ts';
import { fits, type Need } from './pick.ts';
import { devicesIn, readMemory, type ReadDevices } from './read-memory.ts';
import { RESTART_WINDOW_MS, RestartBudget, RESTARTS } from './restart-budget.ts';
import { SlotQueue, type Lease } from './slot-queue.ts';
import { startAgainWhenKilled } from './start-worker.ts';
import { howItEnded, readLastWords, workerDied } from './last-words.ts';
import { newWorker, newWorkerId, type WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

/** Exited workers that worker_list still shows, with their last words. */
const SHOWN_EXITED = 5;

export interface PoolOptions {
  hiveId: string;
  /** Where this hive answers, for its workers to report to. */
  hiveUrl: string;
  /** Told of every change of a worker. */
  onChange: () => void;
  paths: HomePaths;
  /** What the machine says of its devices now. */
  readDevices: ReadDevices;
}

interface Beginning {
  signal?: AbortSignal | undefined;
  /** Workers that end before it loads. */
  after?: readonly WorkerProcess[];
}

/** Every worker process of this hive: the one owner of their states. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #workers = new Map<string, WorkerProcess>();
  readonly #slots: SlotQueue;
  readonly #budget = new RestartBudget();
  readonly #diedAway = new Set<string>();
  #isStopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#slots = new SlotQueue(() => this.#workers.values(), options.onChange);
  }

  list(): WorkerProcess[] {
    return [...this.#workers.values()];
  }

  /** @throws JobError worker_not_found */
  get(id: string): WorkerProcess {
    const worker = this.#workers.get(id);
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
    const worker = this.#workers.get(id);
    if (worker === undefined) return false;
    return worker.state.kind !== 'exited' || (worker.ending !== undefined && !worker.died.signal.aborted);
  }

  /** Whether a request would find a worker that is ready, if perhaps busy. */
  isLoaded(need: Need): boolean {
    return this.list().some((worker) => worker.state.kind === 'ready' && fits(worker, need));
  }

  /** The devices of this machine, with what is promised of their memory. */
  async devices(): Promise<Device[]> {
    return devicesIn(await this.#read(), this.list());
  }

  /**
   * Starts a worker and waits until it has loaded its model. Ends nobody to make room for it.
   * @throws JobError model_corrupt, model_too_large, no_room, device_not_found, worker_start_failed, deadline_exceeded; cancelled
   */
  async spawn(makeSpec: MakeSpec, signal?: AbortSignal): Promise<WorkerProcess> {
    const reading = await this.#read();
    // From here to the worker's place among the others in one turn, or two could be promised the same memory.
    const workers = this.list();
    const spec = makeSpec(devicesIn(reading, workers));
    const { after } = admit(spec, { workers, reading }, { mayEvict: false });
    const worker = this.#begin(newWorkerId(), spec, { signal, after });
    await worker.loaded;
    return worker;
  }

  /**
   * A free slot on a worker that fits, spawning one when none does, in the place of idle ones where it must be.
   * @throws JobError no_room, model_too_large, and what a load throws
   */
  lease(request: LeaseRequest): Promise<Lease> {
    return lease(
      {
        slots: this.#slots,
        list: () => this.list(),
        read: () => this.#read(),
        begin: (spec, after) => this.#begin(newWorkerId(), spec, { after }),
        evict: (worker) => this.#evict(worker),
      },
      request,
    );
  }

  /** The slot of a request that a former process of this hive has sent to a worker. Undefined when that has ended. */
  leaseAdopted(id: string, { isAlone }: { isAlone: boolean }): Lease | undefined {
    const worker = this.#workers.get(id);
    return worker?.state.kind === 'ready' ? this.#slots.hold(worker, isAlone ? worker.spec.slots : 1) : undefined;
  }

  /** Stops a worker and forgets it. Its requests end as failed. */
  async remove(id: string): Promise<void> {
    const worker = this.get(id);
    await this.#stop(worker);
    // It may have been started again meanwhile.
    if (this.#workers.get(id) === worker) this.#forget(id);
  }

  /** Same id, same spec, new process. */
  async restart(id: string, signal: AbortSignal): Promise<WorkerProcess> {
    const { spec } = this.get(id);
    await this.#stop(this.get(id));
    this.#budget.forget(id);
    const worker = this.#begin(id, spec, { signal });
    await worker.loaded;
    return worker;
  }

  /** For good: nothing is started any more. */
  async stopAll(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.list().map((worker) => this.#stop(worker)));
  }

  /** Whether a worker of this hive's last process has ended by itself since. */
  hasDiedAway(id: string): boolean {
    return this.#diedAway.has(id);
  }

  /** Takes over the workers that outlived the hive's last process. Quick: what must be ended may take its time. */
  async adopt(): Promise<void> {
    const { adoptable, dead } = await findAdoptable(this.#options);
    for (const id of dead) this.#diedAway.add(id);
    for (const { pidfile, spec, port, contextSize } of adoptable) {
      const { name } = pidfile;
      const worker: WorkerProcess = { ...newWorker(name, spec), contextSize, identity: pidfile, state: { kind: 'ready', port } };
      this.#workers.set(name, worker);
      void whenEnded(pidfile, new AbortController().signal).then(() => this.#onEnded(worker, 'ended'));
      log.info({ worker_id: name, model: spec.model }, `adopted ${name}`);
    }
    await forgetOldLogs(this.#options.paths.logs, new Set(this.#workers.keys()));
  }

  /** Ends a worker that does not answer any more: a frozen process is no better than a dead one. Its jobs are told. */
  async condemn(worker: WorkerProcess, why: string): Promise<void> {
    // Many requests may find out at once; all of them wait for the one end.
    if (worker.state.kind === 'ready') worker.ending ??= this.#condemn(worker, why);
    await worker.ending;
  }

  async #condemn(worker: WorkerProcess, why: string): Promise<void> {
    if (worker.state.kind !== 'ready' || worker.identity === undefined) return;
    worker.state = { kind: 'stopping', port: worker.state.port };
    this.#options.onChange();
    log.error({ worker_id: worker.id }, `ending ${worker.id}: ${why}`);
    // Its jobs are told also where the kernel does not let go of it.
    await stopProcess({ ...worker.identity, name: worker.id }, { graceMs: 0 }).catch((cause: unknown) =>
      log.error({ err: cause, worker_id: worker.id }, `${worker.id} could not be ended`),
    );
    await this.#bury(worker, { how: 'does not answer and was ended', lastWords: why });
  }

  #read(): Promise<Reading> {
    return readMemory(this.#options.readDevices, this.list());
  }

  /** Nobody waits for it here; whoever needs its memory waits for `stopped`. */
  #evict(worker: WorkerProcess): void {
    this.remove(worker.id).catch((cause: unknown) =>
      log.error({ err: cause, worker_id: worker.id }, `${worker.id} could not be ended`),
    );
  }

  /** Does not ask whether there is room: a worker that is started again has had it. */
  #begin(id: string, spec: WorkerSpec, { signal, after = [] }: Beginning = {}): WorkerProcess {
    if (this.#isStopping) throw new JobError('shutting_down', `Hive '${this.#options.hiveId}' is shutting down`);
    const worker = newWorker(id, spec);
    this.#workers.set(id, worker);
    narrate('worker_spawn', `worker ${id} loading ${spec.model} on ${spec.worker}:${spec.device}`);
    const unwanted = AbortSignal.any([worker.unwanted.signal, ...(signal === undefined ? [] : [signal])]);
    // Also after one that could not be ended: the worker looks for itself whether it can load.
    const room = Promise.allSettled(after.map(({ ending, stopped }) => ending ?? stopped));
    worker.loaded = room.then(() => this.#load(worker, unwanted));
    // Whoever needs the worker awaits `loaded`; if nobody does, its failure is in the log and in worker_list.
    worker.loaded.catch(() => undefined);
    this.#options.onChange();
    return worker;
  }

  async #load(worker: WorkerProcess, signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      const mayTryAgain = () => !this.#isStopping && this.#budget.take(worker.id, performance.now());
      const started = await startAgainWhenKilled(worker, { ...this.#options, signal }, mayTryAgain);
      worker.identity = started.identity;
      worker.contextSize = started.contextSize;
      worker.state = { kind: 'ready', port: started.port };
      void started.ended.then((ending) => this.#onEnded(worker, howItEnded(ending)));
      narrate('worker_ready', `worker ${worker.id} ready on port ${started.port}`);
      this.#slots.serve();
    } catch (cause) {
      const error =
        cause instanceof JobError
          ? cause
          : new JobError('worker_start_failed', `Worker '${worker.id}' could not be started`, { cause });
      worker.state = { kind: 'exited', lastWords: error.message };
      this.#options.onChange();
      log.error({ err: cause, worker_id: worker.id }, `${worker.id} did not start`);
      this.#forgetOldExits();
      throw error;
    }
  }

  async #stop(worker: WorkerProcess): Promise<void> {
    worker.unwanted.abort(new JobError('cancelled', `Worker '${worker.id}' was stopped while it was loading`));
    if (worker.state.kind === 'loading') await worker.loaded.catch(() => undefined);
    if (worker.state.kind !== 'ready' || worker.identity === undefined) return;
    worker.state = { kind: 'stopping', port: worker.state.port };
    this.#options.onChange();
    narrate('worker_stop', `stopping worker ${worker.id}`);
    const stopping = stopProcess({ ...worker.identity, name: worker.id }, { graceMs: STOP_GRACE_MS });
    worker.stopped = stopping.then(noted, noted);
    await stopping;
    worker.state = { kind: 'exited', lastWords: undefined };
    worker.died.abort(new JobError('worker_died', `Worker '${worker.id}' was stopped`));
    this.#options.onChange();
  }

  #onEnded(worker: WorkerProcess, how: string): void {
    if (worker.state.kind === 'stopping' || worker.state.kind === 'exited') return;
    worker.state = { kind: 'exited', lastWords: how };
    this.#options.onChange();
    worker.ending ??= readLastWords(this.#options.paths.logFile(worker.id)).then((lastWords) =>
      this.#bury(worker, { how, lastWords }),
    );
  }

  /** Of a worker that nobody wanted to end: its successor first, so that its requests find that one instead of making another. */
  async #bury(worker: WorkerProcess, { how, lastWords }: { how: string; lastWords: string }): Promise<void> {
    const { id, identity } = worker;
    log.error({ worker_id: id, last_words: lastWords }, `${id} ${how}`);
    worker.state = { kind: 'exited', lastWords: [how, lastWords].filter((words) => words !== '').join('. ') };
    if (identity !== undefined) {
      await removePidfile(this.#options.paths.run, { ...identity, name: id }).catch((cause: unknown) =>
        log.warn({ err: cause }, `the pidfile of ${id} stays`),
      );
    }
    this.#revive(worker);
    worker.hasFailed = true;
    worker.died.abort(workerDied(id, how, lastWords));
    this.#forgetOldExits();
    this.#slots.serve();
  }

  /** Starts a worker that died again: same id, same spec, as long as that helps. */
  #revive(worker: WorkerProcess): void {
    const { id, spec, state } = worker;
    // It may have been deleted, or restarted by hand.
    if (this.#isStopping || this.#workers.get(id) !== worker || state.kind !== 'exited') return;
    if (!this.#budget.take(id, performance.now())) {
      const given = `It was started again ${RESTARTS} times in ${RESTART_WINDOW_MS / 60_000} minutes, and is given up.`;
      log.error({ worker_id: id }, `${id} is given up. ${given}`);
      worker.state = { kind: 'exited', lastWords: `${state.lastWords ?? ''}. ${given}` };
      return;
    }
    log.warn({ worker_id: id }, `starting ${id} again`);
    const successor = this.#begin(id, spec);
    successor.loaded.catch(() => this.#revive(successor));
  }

  #forget(id: string): void {
    this.#workers.delete(id);
    this.#budget.forget(id);
    this.#options.onChange();
    void forgetLog(this.#options.paths.logFile(id));
  }

  #forgetOldExits(): void {
    const exited = this.list().filter(({ state }) => state.kind === 'exited');
    for (const { id } of exited.slice(0, -SHOWN_EXITED)) this.#forget(id);
  }
}

/** How a stop went is told to whoever asked for it. */
const noted = (): void => undefined;
