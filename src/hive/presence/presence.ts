import { setTimeout as delay } from 'node:timers/promises';
import { MODELS_LIMIT, type HiveReport, type PresenceLine, type Worker, type WorkerHeartbeat } from '../../contract/index.ts';
import type { LineReader } from '../../jobs/index.ts';
import { log } from '../../narration/index.ts';
import { readCapabilities } from '../devices/index.ts';
import type { ModelStore } from '../models/index.ts';
import { describeWorker, type WorkerPool } from '../workers/index.ts';
import { STUCK_MS, StuckWorkers } from './stuck-workers.ts';

/** How often free memory and disk are read again, for placement. */
const MACHINE_INTERVAL_MS = 5_000;
const MACHINE_RETRY_MS = 1_000;

interface PresenceParts {
  hiveId: string;
  workers: WorkerPool;
  models: ModelStore;
  /** On the disk of the models. */
  dataDir: string;
}

/**
 * Streams the state of this hive to its readers: first all of it, then each change at once. The queen opens the connection and reads;
 * the hive needs no address of the queen, and is never polled.
 */
export class Presence {
  readonly #parts: PresenceParts;
  readonly #readers = new Set<LineReader>();
  /** The last report of each worker that the readers have. */
  readonly #sent = new Map<string, string>();
  readonly #heartbeats = new Map<string, WorkerHeartbeat>();
  readonly #stuck = new StuckWorkers();
  readonly #startedAt = new Date().toISOString();
  readonly #startedMs = performance.now();
  /** Without its age, which differs each time. */
  #machine: HiveReport | undefined;
  #sentMachine = '';
  #isReportDue = false;
  #reading: Promise<void> | undefined;
  #nextRead: Promise<void> | undefined;
  /** The workers and their states, which change the free memory. */
  #occupants = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Reads the machine first, so that the first report is fresh. */
  async subscribe(reader: LineReader): Promise<void> {
    await this.machineChanged();
    // Nothing is sent before the machine could be read, which a disk that hangs can delay.
    while (this.#sentMachine === '' && !reader.closed.aborted) {
      await delay(MACHINE_RETRY_MS, undefined, { ref: false });
      await this.machineChanged();
    }
    if (reader.closed.aborted) return;
    this.#reportWorkers();
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

  /** Takes speed and memory from a worker's heartbeat. Its state is known here first. */
  receive(heartbeat: WorkerHeartbeat): void {
    this.#heartbeats.set(heartbeat.worker_id, heartbeat);
    if (this.#stuck.isStuck(heartbeat, performance.now())) {
      const worker = this.#parts.workers.list().find(({ id }) => id === heartbeat.worker_id);
      if (worker !== undefined) void this.#parts.workers.kill(worker, `no step for ${STUCK_MS / 60_000} min`);
    }
    this.workersChanged();
  }

  /** Many changes in one tick make one report. */
  workersChanged(): void {
    if (this.#isReportDue) return;
    this.#isReportDue = true;
    setImmediate(() => {
      this.#isReportDue = false;
      this.#reportWorkers();
    });
  }

  /** Models, devices or disk. One read at a time; a change during a read waits for the next, which includes it. */
  machineChanged(): Promise<void> {
    if (this.#nextRead !== undefined) return this.#nextRead;
    if (this.#reading === undefined) return this.#read();
    this.#nextRead = this.#reading.then(() => {
      this.#nextRead = undefined;
      return this.#read();
    });
    return this.#nextRead;
  }

  #read(): Promise<void> {
    this.#reading = this.#reportMachine().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #reportMachine(): Promise<void> {
    const { hiveId, models, workers, dataDir } = this.#parts;
    try {
      const { version, hostname, disk_free_bytes, devices } = await readCapabilities(hiveId, dataDir, () => workers.devices());
      const known = await models.list();
      const machine = { version, hostname, disk_free_bytes, devices, models: known.slice(0, MODELS_LIMIT) };
      const report: HiveReport = { kind: 'hive', hive_id: hiveId, pid: process.pid, started_at: this.#startedAt, ...machine };
      this.#machine = report;
      const isNew = lineOf(report) !== this.#sentMachine;
      this.#sentMachine = lineOf(report);
      if (isNew) this.#send(this.#lineOfMachine(report));
    } catch (cause) {
      log.warn({ err: cause }, 'the state of the machine could not be read');
    }
  }

  #reportWorkers(): void {
    const { workers } = this.#parts;
    const here = new Set<string>();
    for (const worker of this.#workersNow()) {
      const { unused_s: _age, ...lasting } = worker;
      const report = JSON.stringify(lasting);
      here.add(worker.worker_id);
      if (report !== this.#sent.get(worker.worker_id)) this.#send(lineOf({ kind: 'worker', worker }));
      this.#sent.set(worker.worker_id, report);
    }
    for (const id of this.#sent.keys()) {
      if (here.has(id)) continue;
      this.#sent.delete(id);
      this.#send(lineOf({ kind: 'worker_gone', worker_id: id }));
    }
    for (const id of this.#heartbeats.keys()) {
      if (here.has(id)) continue;
      this.#heartbeats.delete(id);
      this.#stuck.forget(id);
    }
    const occupants = workers.list().map(({ id, state }) => `${id} ${state.kind}`);
    if (occupants.join() === this.#occupants || this.#readers.size === 0) return;
    this.#occupants = occupants.join();
    void this.machineChanged();
  }

  #workersNow(): Worker[] {
    const { hiveId, workers } = this.#parts;
    return workers.list().map((worker) => withHeartbeat(describeWorker(worker, hiveId), this.#heartbeats.get(worker.id)));
  }

  /** With its age: the queen has another clock. */
  #lineOfMachine(report: HiveReport): string {
    return lineOf({ ...report, uptime_s: Math.round((performance.now() - this.#startedMs) / 1_000) });
  }

  #send(line: string): void {
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
