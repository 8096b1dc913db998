import { JobError } from '../../contract/index.ts';
import { killGroupOf, removePidfile, stopProcess, type HomePaths } from '../../daemon/index.ts';
import { log, narrate } from '../../narration/index.ts';
import { howItEnded, readLastOutput, workerDied } from './last-output.ts';
import { STOP_GRACE_MS } from './limits.ts';
import { forgetLog } from './old-logs.ts';
import { RESTART_WINDOW_MS, RestartBudget, RESTARTS } from './restart-budget.ts';
import { startAgainWhenKilled } from './start-worker.ts';
import { newWorker, type WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

/** Exited workers that worker_list still shows, with the last lines of their output. */
const SHOWN_EXITED = 5;

export interface LifecycleOptions {
  hiveId: string;
  /** Where this hive answers, for the heartbeats of its workers. */
  hiveUrl: string;
  paths: HomePaths;
  /** Called on every change of a worker. */
  onChange: () => void;
  /** Called when a worker has become ready, or has exited. */
  onReadyOrExit: () => void;
}

interface Start {
  signal?: AbortSignal | undefined;
  /** Workers that exit before this one loads. */
  after?: readonly WorkerProcess[];
}

/** Starts, stops, kills and restarts the worker processes of a hive. It alone changes their states (see WorkerState). */
export class WorkerLifecycle {
  readonly #options: LifecycleOptions;
  readonly #workers = new Map<string, WorkerProcess>();
  readonly #budget = new RestartBudget();
  #isShuttingDown = false;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  all(): IterableIterator<WorkerProcess> {
    return this.#workers.values();
  }

  find(id: string): WorkerProcess | undefined {
    return this.#workers.get(id);
  }

  /** Starts a process and returns at once. Does not check the free memory: a worker that is restarted has passed that check. */
  start(id: string, spec: WorkerSpec, { signal, after = [] }: Start = {}): WorkerProcess {
    if (this.#isShuttingDown) throw new JobError('shutting_down', `Hive '${this.#options.hiveId}' is shutting down`);
    const worker = newWorker(id, spec);
    this.#workers.set(id, worker);
    narrate('worker_spawn', `worker ${id} loading ${spec.model} on ${spec.worker}:${spec.device}`);
    const unwanted = AbortSignal.any([worker.unwanted.signal, ...(signal === undefined ? [] : [signal])]);
    // Also after a worker that could not be stopped: the new one checks the free memory itself before it loads.
    const exits = Promise.allSettled(after.map(({ ending, stopped }) => ending ?? stopped));
    worker.loaded = exits.then(() => this.#load(worker, unwanted));
    // A failure that no request awaits is in the log and in worker_list.
    worker.loaded.catch(() => undefined);
    this.#options.onChange();
    return worker;
  }

  /** Adds a ready worker that another process of this hive has started. */
  add(worker: WorkerProcess, ended: Promise<void>): void {
    this.#workers.set(worker.id, worker);
    void ended.then(() => this.#onProcessEnd(worker, 'has exited'));
  }

  /** Its requests end as failed. */
  async stop(worker: WorkerProcess): Promise<void> {
    worker.unwanted.abort(new JobError('cancelled', `Worker '${worker.id}' was stopped while it was loading`));
    if (worker.state.kind === 'loading') await worker.loaded.catch(() => undefined);
    if (worker.state.kind !== 'ready' || worker.identity === undefined) return;
    worker.state = { kind: 'stopping', port: worker.state.port };
    this.#options.onChange();
    narrate('worker_stop', `stopping worker ${worker.id}`);
    const stopping = this.#endProcess(worker, STOP_GRACE_MS);
    worker.stopped = stopping.then(ignoreOutcome, ignoreOutcome);
    await stopping;
    worker.state = { kind: 'exited', lastWords: undefined };
    worker.died.abort(new JobError('worker_died', `Worker '${worker.id}' was stopped`));
    this.#options.onChange();
  }

  /** Same id, same spec, new process. */
  async restart(worker: WorkerProcess, signal: AbortSignal): Promise<WorkerProcess> {
    await this.stop(worker);
    this.#budget.forget(worker.id);
    const successor = this.start(worker.id, worker.spec, { signal });
    await successor.loaded;
    return successor;
  }

  /** Kills a worker that no longer answers. Its requests get `worker_died`. Requests that find out at once share one kill. */
  async kill(worker: WorkerProcess, why: string): Promise<void> {
    if (worker.state.kind === 'ready') worker.ending ??= this.#kill(worker, why);
    await worker.ending;
  }

  /** Stops every worker; none is started from now on. */
  async shutDown(): Promise<void> {
    this.#isShuttingDown = true;
    await Promise.all([...this.all()].map((worker) => this.stop(worker)));
  }

  /** Removes a worker from the list, unless it has been started again meanwhile. */
  forget(worker: WorkerProcess): void {
    const { id } = worker;
    if (this.#workers.get(id) !== worker) return;
    this.#workers.delete(id);
    this.#budget.forget(id);
    this.#options.onChange();
    void forgetLog(this.#options.paths.logFile(id));
  }

  async #load(worker: WorkerProcess, signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      const mayTryAgain = () => !this.#isShuttingDown && this.#budget.take(worker.id, performance.now());
      const started = await startAgainWhenKilled(worker, { ...this.#options, signal }, mayTryAgain);
      worker.identity = started.identity;
      worker.contextSize = started.contextSize;
      worker.toolForm = started.toolForm;
      worker.state = { kind: 'ready', port: started.port };
      void started.ended.then((ending) => this.#onProcessEnd(worker, howItEnded(ending)));
      narrate('worker_ready', `worker ${worker.id} ready on port ${started.port}`);
      this.#options.onReadyOrExit();
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

  async #kill(worker: WorkerProcess, why: string): Promise<void> {
    if (worker.state.kind !== 'ready' || worker.identity === undefined) return;
    worker.state = { kind: 'stopping', port: worker.state.port };
    this.#options.onChange();
    log.error({ worker_id: worker.id }, `killing ${worker.id}: ${why}`);
    // If the kernel does not end the process, its requests fail all the same.
    await this.#endProcess(worker, 0).catch((cause: unknown) =>
      log.error({ err: cause, worker_id: worker.id }, `${worker.id} could not be killed`),
    );
    await this.#onExit(worker, { how: 'did not answer and was killed', lastOutput: why });
  }

  /** Ends the process and its children. @param graceMs 0 kills it at once */
  async #endProcess({ id, identity }: WorkerProcess, graceMs: number): Promise<void> {
    if (identity === undefined) return;
    await stopProcess({ ...identity, name: id }, { graceMs });
    await killGroupOf(identity);
  }

  /** The process has ended, unless by `stop` or `kill`. */
  #onProcessEnd(worker: WorkerProcess, how: string): void {
    const { id, identity, state } = worker;
    if (state.kind === 'stopping' || state.kind === 'exited' || identity === undefined) return;
    worker.state = { kind: 'exited', lastWords: how };
    this.#options.onChange();
    worker.ending ??= killGroupOf(identity)
      .catch((cause: unknown) => log.error({ err: cause, worker_id: id }, `the children of ${id} could not be killed`))
      .then(() => readLastOutput(this.#options.paths.logFile(id)))
      .then((lastOutput) => this.#onExit(worker, { how, lastOutput }));
  }

  /** After an exit that was not requested. Respawns first, so that the failed requests find the new process instead of making another. */
  async #onExit(worker: WorkerProcess, { how, lastOutput }: { how: string; lastOutput: string }): Promise<void> {
    const { id, identity } = worker;
    log.error({ worker_id: id, last_words: lastOutput }, `${id} ${how}`);
    worker.state = { kind: 'exited', lastWords: [how, lastOutput].filter((text) => text !== '').join('. ') };
    if (identity !== undefined) {
      await removePidfile(this.#options.paths.run, { ...identity, name: id }).catch((cause: unknown) =>
        log.warn({ err: cause }, `the pidfile of ${id} could not be removed`),
      );
    }
    this.#respawn(worker);
    worker.hasFailed = true;
    worker.died.abort(workerDied(id, how, lastOutput));
    this.#forgetOldExits();
    this.#options.onReadyOrExit();
  }

  /** Starts a worker again after a failure: same id, same spec, within the restart budget. */
  #respawn(worker: WorkerProcess): void {
    const { id, spec, state } = worker;
    // It may have been deleted, or restarted by a request.
    if (this.#isShuttingDown || this.#workers.get(id) !== worker || state.kind !== 'exited') return;
    if (!this.#budget.take(id, performance.now())) {
      const limit = `Restarted ${RESTARTS} times in ${RESTART_WINDOW_MS / 60_000} minutes; it is not restarted again.`;
      log.error({ worker_id: id }, `${id} has failed too often. ${limit}`);
      worker.state = { kind: 'exited', lastWords: `${state.lastWords ?? ''}. ${limit}` };
      return;
    }
    log.warn({ worker_id: id }, `restarting ${id}`);
    const successor = this.start(id, spec);
    successor.loaded.catch(() => this.#respawn(successor));
  }

  #forgetOldExits(): void {
    const exited = [...this.all()].filter(({ state }) => state.kind === 'exited');
    for (const worker of exited.slice(0, -SHOWN_EXITED)) this.forget(worker);
  }
}

/** The caller of `stop` gets the outcome; who waits for the memory only needs the end. */
const ignoreOutcome = (): void => undefined;
