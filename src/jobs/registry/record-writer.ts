import { JobError, needsNoDisk } from '../../contract/index.ts';
import type { Catalog, Collection } from '../catalog/catalog.ts';
import type { Logger } from './execute.ts';
import type { Job } from './job.ts';
import { RECORD_DELAY_MS, RECORD_RETRY_MS, SPILLED_JOBS_LIMIT } from '../limits.ts';
import type { StoredJob } from './stored-job.ts';

interface RecordWriterOptions {
  catalog: Catalog;
  records: Collection<StoredJob>;
  logger: Logger;
  /** Called before anything is stored (J6): after a crash between the two, the record is completed from the log. */
  flushEvents: () => void;
  /** Called for each job after its record has been stored. */
  onStored: (job: Job) => void;
}

/**
 * The records of jobs on their way to the catalog. A new one, and one that drives another job from now on, is stored within the
 * tick and before the job's events; a change waits a moment for others, because a transaction costs more than what is in it;
 * an end is stored after the event that says it. So after a crash the log is never behind a record, and what the record lacks
 * the log tells.
 */
export class RecordWriter {
  readonly #options: RecordWriterOptions;
  readonly #changed = new Set<Job>();
  #isUrgent = false;
  #timer: NodeJS.Timeout | undefined;
  #soon: Promise<JobError | undefined> | undefined;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  changed(job: Job): void {
    this.#changed.add(job);
    this.#timer ??= setTimeout(() => this.flush(), RECORD_DELAY_MS);
  }

  /** Resolves when the record is stored, with the error if it could not be. */
  storeSoon(job: Job): Promise<JobError | undefined> {
    this.#changed.add(job);
    this.#isUrgent = true;
    this.#soon ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#soon = undefined;
        resolve(this.flush());
      });
    });
    return this.#soon;
  }

  /** To be called before events are written. */
  storeUrgent(): void {
    if (!this.#isUrgent) return;
    this.#isUrgent = false;
    this.#store([...this.#changed].filter((job) => !job.isClosed));
  }

  /** Jobs whose records are newer than what is stored, or not stored at all, as on a full disk. */
  get unstored(): ReadonlySet<Job> {
    return this.#changed;
  }

  forget(job: Job): void {
    this.#changed.delete(job);
  }

  /** All of them. @returns the error if they could not be stored */
  flush(): JobError | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.flushEvents();
    return this.#store([...this.#changed]);
  }

  #store(jobs: readonly Job[]): JobError | undefined {
    if (jobs.length === 0) return undefined;
    const { catalog, records, logger, onStored } = this.#options;
    const stored: (() => void)[] = [];
    try {
      catalog.transaction(() => {
        for (const job of jobs) {
          records.put(job.record.job_id, job.record);
          stored.push(job.storeRequest());
        }
      });
    } catch (cause) {
      logger.error({ err: cause }, 'job records could not be stored; trying again');
      this.#forgetOldest();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.flush(), RECORD_RETRY_MS).unref();
      return cause instanceof JobError ? cause : new JobError('internal', 'The job could not be stored', { cause });
    }
    for (const done of stored) done();
    for (const job of jobs) {
      this.#changed.delete(job);
      onStored(job);
    }
    return undefined;
  }

  /** Of the jobs that run without being stored: those that ended first, when there are too many of them. */
  #forgetOldest(): void {
    const ended = [...this.#changed].filter((job) => job.isClosed && needsNoDisk(job.record.operation));
    for (const job of ended.slice(0, -SPILLED_JOBS_LIMIT)) {
      this.#changed.delete(job);
      this.#options.onStored(job);
    }
  }
}
