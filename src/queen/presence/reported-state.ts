import { JobError, WORKERS_LIMIT, type HiveReport, type Worker } from '../../contract/index.ts';

/** The most that is kept of one hive, its machine and its workers together, as characters of its lines. */
export const REPORTED_LIMIT_CHARS = 8 * 1024 * 1024;

/** What one hive has reported of its machine and its workers, limited to what one machine can have. */
export class ReportedState {
  report: HiveReport | undefined;
  #reportChars = 0;
  readonly #workers = new Map<string, { worker: Worker; chars: number }>();
  #workersChars = 0;
  /** When each worker was last used: as its hive reports it, and by this machine's clock. */
  readonly #used = new Map<string, { reported: string; at: string }>();

  /** Grows with every change of a worker's state and every step of its engine: while it stands still, nothing happens on the hive. */
  progress = 0;
  #busyWorkers = 0;

  /** Whether a worker loads, computes or stops. */
  get isBusy(): boolean {
    return this.#busyWorkers > 0;
  }

  *workers(): Generator<Worker, void, void> {
    for (const { worker } of this.#workers.values()) yield worker;
  }

  worker(workerId: string): Worker | undefined {
    return this.#workers.get(workerId)?.worker;
  }

  /** @param chars of the line @throws JobError hive_bad_response */
  setReport(report: HiveReport, chars: number): void {
    this.report = { ...report, started_at: ago(report.uptime_s) };
    this.#reportChars = chars;
    this.#requireBounded();
  }

  /** @param chars of the line @returns the worker, with its times by this machine's clock @throws JobError hive_bad_response */
  setWorker(reported: Worker, chars: number): Worker {
    const worker = this.#inLocalTime(reported);
    this.#workersChars += chars - (this.#workers.get(worker.worker_id)?.chars ?? 0);
    const before = this.#workers.get(worker.worker_id)?.worker;
    if (before?.state !== worker.state || before.steps !== worker.steps) this.progress += 1;
    this.#busyWorkers += Number(isAtWork(worker)) - Number(isAtWork(before));
    this.#workers.set(worker.worker_id, { worker, chars });
    this.#requireBounded();
    return worker;
  }

  forgetWorker(workerId: string): void {
    const known = this.#workers.get(workerId);
    if (known === undefined) return;
    this.progress += 1;
    this.#busyWorkers -= Number(isAtWork(known.worker));
    this.#workersChars -= known.chars;
    this.#workers.delete(workerId);
    this.#used.delete(workerId);
  }

  forgetWorkers(): void {
    this.#workers.clear();
    this.#used.clear();
    this.#workersChars = 0;
    this.#busyWorkers = 0;
  }

  /** With its times by this machine's clock, as far as they are compared. The same use keeps the same time, however often it is reported. */
  #inLocalTime(worker: Worker): Worker {
    const { worker_id, last_used_at, started_at, unused_s, ...rest } = worker;
    const reported = last_used_at ?? started_at;
    const known = this.#used.get(worker_id);
    const at = known?.reported === reported ? known.at : ago(unused_s);
    this.#used.set(worker_id, { reported, at });
    return { ...rest, worker_id, ...(last_used_at === undefined ? { started_at: at } : { started_at, last_used_at: at }) };
  }

  #requireBounded(): void {
    if (this.#workers.size > WORKERS_LIMIT)
      throw new JobError('hive_bad_response', `The hive has reported more than ${WORKERS_LIMIT} workers`);
    if (this.#reportChars + this.#workersChars > REPORTED_LIMIT_CHARS)
      throw new JobError('hive_bad_response', `The hive has reported more than ${REPORTED_LIMIT_CHARS} characters of state`);
  }
}

function isAtWork(worker: Worker | undefined): boolean {
  return worker !== undefined && (worker.state === 'loading' || worker.state === 'stopping' || worker.slots_used > 0);
}

/** By this machine's clock; now, where the hive reports no age. */
function ago(seconds = 0): string {
  return new Date(Date.now() - seconds * 1_000).toISOString();
}
