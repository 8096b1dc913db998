import { JobError, WORKERS_LIMIT, type HiveReport, type Worker } from '../../contract/index.ts';

/** All that is kept of one hive, its machine and its workers together, as characters of its lines. */
export const WORD_LIMIT_CHARS = 8 * 1024 * 1024;

/** What one hive has said of its machine and its workers: no more than one machine can have. */
export class HiveWord {
  report: HiveReport | undefined;
  #reportChars = 0;
  readonly #workers = new Map<string, { worker: Worker; chars: number }>();
  #workersChars = 0;
  /** When each worker was last used: as its hive reports it, and by the clock here. */
  readonly #used = new Map<string, { reported: string; at: string }>();

  *workers(): Generator<Worker, void, void> {
    for (const { worker } of this.#workers.values()) yield worker;
  }

  /** @param chars of the line @throws JobError hive_bad_response */
  setReport(report: HiveReport, chars: number): void {
    this.report = { ...report, started_at: ago(report.uptime_s) };
    this.#reportChars = chars;
    this.#requireBounded();
  }

  /** @param chars of the line @returns the worker, with its times by the clock here @throws JobError hive_bad_response */
  setWorker(reported: Worker, chars: number): Worker {
    const worker = this.#inOwnTime(reported);
    this.#workersChars += chars - (this.#workers.get(worker.worker_id)?.chars ?? 0);
    this.#workers.set(worker.worker_id, { worker, chars });
    this.#requireBounded();
    return worker;
  }

  forgetWorker(workerId: string): void {
    this.#workersChars -= this.#workers.get(workerId)?.chars ?? 0;
    this.#workers.delete(workerId);
    this.#used.delete(workerId);
  }

  forgetWorkers(): void {
    this.#workers.clear();
    this.#used.clear();
    this.#workersChars = 0;
  }

  /** With its times by the clock here, as far as they are compared. The same use is the same time, however often it is told of. */
  #inOwnTime(worker: Worker): Worker {
    const { worker_id, last_used_at, started_at, unused_s, ...rest } = worker;
    const reported = last_used_at ?? started_at;
    const known = this.#used.get(worker_id);
    const at = known?.reported === reported ? known.at : ago(unused_s);
    this.#used.set(worker_id, { reported, at });
    return { ...rest, worker_id, ...(last_used_at === undefined ? { started_at: at } : { started_at, last_used_at: at }) };
  }

  #requireBounded(): void {
    if (this.#workers.size > WORKERS_LIMIT)
      throw new JobError('hive_bad_response', `It has reported more than ${WORKERS_LIMIT} workers`);
    if (this.#reportChars + this.#workersChars > WORD_LIMIT_CHARS)
      throw new JobError('hive_bad_response', `It has reported more than ${WORD_LIMIT_CHARS} characters about itself`);
  }
}

/** By the clock here. What a hive does not report was just now. */
function ago(seconds = 0): string {
  return new Date(Date.now() - seconds * 1_000).toISOString();
}
