import { setTimeout as delay } from 'node:timers/promises';
import { MODELS_LIMIT, type HiveReport, type PresenceLine, type Worker, type WorkerHeartbeat } from '../../contract/index.ts';
import type { LineReader } from '../../jobs/index.ts';
import { log } from '../../narration/index.ts';
import { readCapabilities } from '../devices/index.ts';
import type { ModelStore } from '../models/index.ts';
import { describeWorker, type WorkerPool } from '../workers/index.ts';
import { STUCK_MS, StuckWorkers } from './stuck-workers.ts';

/** Free memory and disk change by themselves; this often is often enough to place a model by. */
const MACHINE_INTERVAL_MS = 5_000;
const MACHINE_RETRY_MS = 1_000;

interface PresenceParts {
  hiveId: string;
  workers: WorkerPool;
  models: ModelStore;
  /** On the disk that models are kept on. */
  dataDir: string;
}

/**
 * What this hive is, for whoever listens: all of it at first, then what has changed, at once. Nobody has to ask, and nobody has
 * to be told who asks: the queen listens on a connection that she has made.
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #readers = new Set<LineReader>();
  /** What the readers know, by worker. */
  readonly #said = new Map<string, string>();
  readonly #heard = new Map<string, WorkerHeartbeat>();
  readonly #stuck = new StuckWorkers();
  readonly #startedAt = new Date().toISOString();
  readonly #startedMs = performance.now();
  /** Without its age, which is another each time. */
  #machine: HiveReport | undefined;
  #saidOfMachine = '';
  #isLookDue = false;
  #looking: Promise<void> | undefined;
  #lookingAgain: Promise<void> | undefined;
  /** Of the workers, what there is to see of it in the machine's memory. */
  #occupants = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** The machine is looked at first, so that the first words are fresh. */
  async listen(reader: LineReader): Promise<void> {
    await this.machineChanged();
    // Nothing is told before that could be looked at: a disk that hangs for example.
    while (this.#saidOfMachine === '' && !reader.closed.aborted) {
      await delay(MACHINE_RETRY_MS, undefined, { ref: false });
      await this.machineChanged();
    }
    if (reader.closed.aborted) return;
    this.#lookAtWorkers();
    if (this.#machine !== undefined) reader.write(this.#lineOfMachine(this.#machine));
    for (const worker of this.#workersNow()) reader.write(lineOf({ kind: 'worker', worker }));
    reader.write(lineOf({ kind: 'complete' }));
    this.#readers.add(reader);
    this.#timer ??= setInterval(() => void this.machineChanged(), MACHINE_INTERVAL_MS).unref();
    reader.closed.addEventListener('abort', () => {
      this.#readers.delete(reader);
      if (this.#readers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
  }

  /** A worker's own word of how fast it is. The rest of it the hive knows better. */
  heard(heartbeat: WorkerHeartbeat): void {
    this.#heard.set(heartbeat.worker_id, heartbeat);
    if (this.#stuck.isStuck(heartbeat, performance.now())) {
      const worker = this.#parts.workers.list().find(({ id }) => id === heartbeat.worker_id);
      if (worker !== undefined) void this.#parts.workers.kill(worker, `it has made no step for ${STUCK_MS / 60_000} min`);
    }
    this.workersChanged();
  }

  /** Many changes of one tick are one look. */
  workersChanged(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    setImmediate(() => {
      this.#isLookDue = false;
      this.#lookAtWorkers();
    });
  }

  /** Models, devices or disk. One look at a time; who comes during one waits for the next, which sees what has changed. */
  machineChanged(): Promise<void> {
    if (this.#lookingAgain !== undefined) return this.#lookingAgain;
    if (this.#looking === undefined) return this.#look();
    this.#lookingAgain = this.#looking.then(() => {
      this.#lookingAgain = undefined;
      return this.#look();
    });
    return this.#lookingAgain;
  }

  #look(): Promise<void> {
    this.#looking = this.#lookAtMachine().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookAtMachine(): Promise<void> {
    const { hiveId, models, workers, dataDir } = this.#parts;
    try {
      const { version, hostname, disk_free_bytes, devices } = await readCapabilities(hiveId, dataDir, () => workers.devices());
      const known = await models.list();
      const machine = { version, hostname, disk_free_bytes, devices, models: known.slice(0, MODELS_LIMIT) };
      const report: HiveReport = { kind: 'hive', hive_id: hiveId, pid: process.pid, started_at: this.#startedAt, ...machine };
      this.#machine = report;
      const isNew = lineOf(report) !== this.#saidOfMachine;
      this.#saidOfMachine = lineOf(report);
      if (isNew) this.#say(this.#lineOfMachine(report));
    } catch (cause) {
      log.warn({ err: cause }, 'the machine could not be looked at');
    }
  }

  #lookAtWorkers(): void {
    const { workers } = this.#parts;
    const here = new Set<string>();
    for (const worker of this.#workersNow()) {
      const { unused_s: _age, ...lasting } = worker;
      const said = JSON.stringify(lasting);
      here.add(worker.worker_id);
      if (said !== this.#said.get(worker.worker_id)) this.#say(lineOf({ kind: 'worker', worker }));
      this.#said.set(worker.worker_id, said);
    }
    for (const id of this.#said.keys()) {
      if (here.has(id)) continue;
      this.#said.delete(id);
      this.#say(lineOf({ kind: 'worker_gone', worker_id: id }));
    }
    for (const id of this.#heard.keys()) {
      if (here.has(id)) continue;
      this.#heard.delete(id);
      this.#stuck.forget(id);
    }
    const occupants = workers.list().map(({ id, state }) => `${id} ${state.kind}`);
    if (occupants.join() === this.#occupants || this.#readers.size === 0) return;
    this.#occupants = occupants.join();
    void this.machineChanged();
  }

  #workersNow(): Worker[] {
    const { hiveId, workers } = this.#parts;
    return workers.list().map((worker) => withHeartbeat(describeWorker(worker, hiveId), this.#heard.get(worker.id)));
  }

  /** The queen has another clock: it is told how long ago that was. */
  #lineOfMachine(report: HiveReport): string {
    return lineOf({ ...report, uptime_s: Math.round((performance.now() - this.#startedMs) / 1_000) });
  }

  #say(line: string): void {
    for (const reader of this.#readers) reader.write(line);
  }
}

function withHeartbeat(worker: Worker, heartbeat: WorkerHeartbeat | undefined): Worker {
  if (heartbeat === undefined || worker.state === 'exited') return worker;
  const { tokens_per_s, memory_bytes, steps } = heartbeat;
  return { ...worker, tokens_per_s, memory_bytes, steps };
}

function lineOf(line: PresenceLine): string {
  return JSON.stringify(line);
}
