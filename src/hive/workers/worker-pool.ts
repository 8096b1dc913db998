import { randomUUID } from 'node:crypto';
import { JobError } from '../../contract/index.ts';
import {
  isAlive,
  listPidfiles,
  probe,
  removePidfile,
  stopProcess,
  tailLog,
  whenEnded,
  type HomePaths,
  type Pidfile,
} from '../../daemon/index.ts';
import { log, narrate } from '../../narration/index.ts';
import { fits, type Need } from './pick.ts';
import { SlotQueue, type Lease } from './slot-queue.ts';
import { startWorker } from './start-worker.ts';
import { howItEnded, lastWordsIn, workerDied } from './last-words.ts';
import type { WorkerProcess, WorkerSpec } from './worker-process.ts';

/** A worker ends its requests and lets go of the model within this, or is killed. */
const STOP_GRACE_MS = 5_000;
const ADOPT_PROBE_MS = 1_000;
/** Exited workers that worker_list still shows, with their last words. */
const SHOWN_EXITED = 5;
/** Read from the end of a dead worker's log, to find its last words among what it said in passing. */
const LOG_LINES = 20;

export interface PoolOptions {
  hiveId: string;
  /** Where the workers report to; nowhere when undefined. */
  queenUrl: string | undefined;
  paths: HomePaths;
}

/** Every worker process of this hive: the one owner of their states. */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #workers = new Map<string, WorkerProcess>();
  readonly #slots = new SlotQueue(() => this.#workers.values());

  constructor(options: PoolOptions) {
    this.#options = options;
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

  /** Whether a request would find a worker that is ready, if perhaps busy. */
  isLoaded(need: Need): boolean {
    return this.list().some((worker) => worker.state.kind === 'ready' && fits(worker, need));
  }

  /**
   * Starts a worker and waits until it has loaded its model.
   * @throws JobError model_corrupt, model_too_large, device_not_found, worker_start_failed, deadline_exceeded; cancelled
   */
  async spawn(spec: WorkerSpec, signal?: AbortSignal): Promise<WorkerProcess> {
    const worker = this.#begin(newWorkerId(), spec, signal);
    await worker.loaded;
    return worker;
  }

  /**
   * A free slot on a worker that fits, spawning one when none does.
   * @param makeSpec of the worker to spawn; asked only then
   */
  async lease(need: Need, makeSpec: () => Promise<WorkerSpec>, signal: AbortSignal): Promise<Lease> {
    let spec: WorkerSpec | undefined;
    for (;;) {
      signal.throwIfAborted();
      const lease = this.#slots.take(need);
      if (lease !== undefined) return lease;
      const fitting = this.list().filter((worker) => fits(worker, need));
      const loading = fitting.find(({ state }) => state.kind === 'loading');
      if (fitting.some(({ state }) => state.kind === 'ready')) {
        const waited = await this.#slots.wait(need, signal);
        if (waited !== undefined) return waited;
      } else if (loading !== undefined) {
        narrate('worker_load', `worker ${loading.id} is loading ${loading.spec.model}; waiting for it`);
        await raceAbort(loading.loaded, signal);
      } else if (need.workerId !== undefined) {
        throw this.#goneWorker(need.workerId);
      } else if (spec === undefined) {
        // Asking takes a moment, in which another request may have begun to spawn: look again after it.
        spec = await makeSpec();
      } else {
        // The load goes on if this request is cancelled: others may be waiting for it by then.
        await raceAbort(this.#begin(newWorkerId(), spec).loaded, signal);
      }
    }
  }

  /** Stops a worker and forgets it. Its requests end as failed. */
  async remove(id: string): Promise<void> {
    const worker = this.get(id);
    await this.#stop(worker);
    this.#workers.delete(id);
  }

  /** Same id, same spec, new process. */
  async restart(id: string, signal: AbortSignal): Promise<WorkerProcess> {
    const { spec } = this.get(id);
    await this.remove(id);
    const worker = this.#begin(id, spec, signal);
    await worker.loaded;
    return worker;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.list().map((worker) => this.#stop(worker)));
  }

  /** Takes over the workers that outlived the hive's last process. What is not surely ours and well is ended or ignored. */
  async adopt(): Promise<void> {
    for (const read of await listPidfiles(this.#options.paths.run)) {
      if (read.kind === 'garbage' || read.pidfile.role !== 'worker') continue;
      if (read.pidfile.extra?.['hiveId'] === this.#options.hiveId) await this.#adoptOne(read.pidfile);
    }
  }

  async #adoptOne(pidfile: Pidfile): Promise<void> {
    const { name, host, port, version } = pidfile;
    if (!(await isAlive(pidfile))) {
      await removePidfile(this.#options.paths.run, pidfile);
      return;
    }
    const presence = await probe(host, port, { withinMs: ADOPT_PROBE_MS });
    if (presence.kind !== 'ours' || presence.health.name !== name || version !== __RBEE_VERSION__) {
      log.warn({ worker_id: name }, `ending a worker that cannot be adopted: ${presence.kind}`);
      await stopProcess(pidfile, { graceMs: STOP_GRACE_MS });
      await removePidfile(this.#options.paths.run, pidfile);
      return;
    }
    const { contextSize, ...spec } = told(pidfile);
    const worker: WorkerProcess = { ...newWorker(name, spec), contextSize, identity: pidfile, state: { kind: 'ready', port } };
    this.#workers.set(name, worker);
    void whenEnded(pidfile, new AbortController().signal).then(() => this.#onEnded(worker, 'ended'));
    log.info({ worker_id: name, model: spec.model }, `adopted ${name}`);
  }

  #goneWorker(id: string): JobError {
    const { state } = this.get(id);
    return state.kind === 'exited'
      ? workerDied(id, 'has ended', state.lastWords)
      : new JobError('worker_unreachable', `Worker '${id}' is ${state.kind}`);
  }

  #begin(id: string, spec: WorkerSpec, signal?: AbortSignal): WorkerProcess {
    const worker = newWorker(id, spec);
    this.#workers.set(id, worker);
    narrate('worker_spawn', `worker ${id} loading ${spec.model} on ${spec.worker}:${spec.device}`);
    worker.loaded = this.#load(worker, signal);
    // Whoever needs the worker awaits `loaded`; if nobody does, its failure is in the log and in worker_list.
    worker.loaded.catch(() => undefined);
    return worker;
  }

  async #load(worker: WorkerProcess, signal: AbortSignal | undefined): Promise<void> {
    try {
      const started = await startWorker(worker, { ...this.#options, signal });
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
      log.error({ err: cause, worker_id: worker.id }, `${worker.id} did not start`);
      this.#forgetOldExits();
      throw error;
    }
  }

  async #stop(worker: WorkerProcess): Promise<void> {
    if (worker.state.kind === 'loading') await worker.loaded.catch(() => undefined);
    if (worker.state.kind !== 'ready' || worker.identity === undefined) return;
    worker.state = { kind: 'stopping', port: worker.state.port };
    narrate('worker_stop', `stopping worker ${worker.id}`);
    await stopProcess({ ...worker.identity, name: worker.id }, { graceMs: STOP_GRACE_MS });
    worker.state = { kind: 'exited', lastWords: undefined };
    worker.died.abort(new JobError('worker_died', `Worker '${worker.id}' was stopped`));
  }

  async #onEnded(worker: WorkerProcess, how: string): Promise<void> {
    if (worker.state.kind === 'stopping' || worker.state.kind === 'exited') return;
    const lastWords = lastWordsIn(await tailLog(this.#options.paths.logFile(worker.id), LOG_LINES));
    worker.state = { kind: 'exited', lastWords };
    log.error({ worker_id: worker.id, last_words: lastWords }, `${worker.id} ${how}`);
    worker.died.abort(workerDied(worker.id, how, lastWords));
    if (worker.identity !== undefined) await removePidfile(this.#options.paths.run, { ...worker.identity, name: worker.id });
    this.#forgetOldExits();
    this.#slots.serve();
  }

  #forgetOldExits(): void {
    const exited = this.list().filter(({ state }) => state.kind === 'exited');
    for (const { id } of exited.slice(0, -SHOWN_EXITED)) this.#workers.delete(id);
  }
}

/** What a worker wrote about itself into its pidfile: same version, so same shape. */
function told({ extra }: Pidfile): WorkerSpec & { contextSize: number | undefined } {
  return { context: undefined, contextSize: undefined, ...extra } as WorkerSpec & { contextSize: number | undefined };
}

function newWorkerId(): string {
  return `worker-${randomUUID().slice(0, 8)}`;
}

function newWorker(id: string, spec: WorkerSpec): WorkerProcess {
  return {
    id,
    spec,
    startedAt: new Date().toISOString(),
    state: { kind: 'loading' },
    identity: undefined,
    inFlight: 0,
    contextSize: undefined,
    died: new AbortController(),
    loaded: Promise.resolve(),
  };
}

function raceAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
