import { JobError, WORKERS_LIMIT, type HiveReport, type Worker } from '../../contract/index.ts';

/** All that is kept of one hive, its machine and its workers together, as characters of its lines. */
export const WORD_LIMIT_CHARS = 8 * 1024 * 1024;

/** What one hive has said of its machine and its workers: no more than one machine can have. */
export class HiveWord {
  report: HiveReport | undefined;
  #reportChars = 0;
  readonly #workers = new Map<string, { worker: Worker; chars: number }>();
  #workersChars = 0;

  *workers(): Generator<Worker, void, void> {
    for (const { worker } of this.#workers.values()) yield worker;
  }

  /** @param chars of the line @throws JobError hive_bad_response */
  setReport(report: HiveReport, chars: number): void {
    this.report = report;
    this.#reportChars = chars;
    this.#requireBounded();
  }

  /** @param chars of the line @throws JobError hive_bad_response */
  setWorker(worker: Worker, chars: number): void {
    this.forgetWorker(worker.worker_id);
    this.#workers.set(worker.worker_id, { worker, chars });
    this.#workersChars += chars;
    this.#requireBounded();
  }

  forgetWorker(workerId: string): void {
    this.#workersChars -= this.#workers.get(workerId)?.chars ?? 0;
    this.#workers.delete(workerId);
  }

  forgetWorkers(): void {
    this.#workers.clear();
    this.#workersChars = 0;
  }

  #requireBounded(): void {
    if (this.#workers.size > WORKERS_LIMIT)
      throw new JobError('hive_bad_response', `It has reported more than ${WORKERS_LIMIT} workers`);
    if (this.#reportChars + this.#workersChars > WORD_LIMIT_CHARS)
      throw new JobError('hive_bad_response', `It has reported more than ${WORD_LIMIT_CHARS} characters about itself`);
  }
}
