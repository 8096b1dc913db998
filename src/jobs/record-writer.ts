import { JobError } from '../contract/index.ts';
import type { Catalog, Collection } from './catalog.ts';
import type { Logger } from './execute.ts';
import type { Job } from './job.ts';
import { RECORD_DELAY_MS, RECORD_RETRY_MS } from './limits.ts';
import type { StoredJob } from './stored-job.ts';

interface RecordWriterOptions {
  catalog: Catalog;
  records: Collection<StoredJob>;
  logger: Logger;
  /** Called before anything is stored: after a crash between events and records, the log is right and mends the record. */
  flushEvents: () => void;
  /** Called for each job after its record has been stored. */
  onStored: (job: Job) => void;
}

/**
 * The records of jobs on their way to the catalog. A new one is stored within the tick, because its job must be durable before
 * it is answered for; a change waits a moment for others, because a transaction costs more than what is in it. What a crash
 * takes with it is mended from the log.
 */
export class RecordWriter {
  readonly #options: RecordWriterOptions;
  readonly #changed = new Set<Job>();
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
  storeNew(job: Job): Promise<JobError | undefined> {
    this.#changed.add(job);
    this.#soon ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#soon = undefined;
        resolve(this.flush());
      });
    });
    return this.#soon;
  }

  forget(job: Job): void {
    this.#changed.delete(job);
  }

  flush(): JobError | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.flushEvents();
    if (this.#changed.size === 0) return undefined;
    const { catalog, records, logger, onStored } = this.#options;
    try {
      catalog.transaction(() => {
        for (const { record } of this.#changed) records.put(record.job_id, record);
      });
    } catch (cause) {
      logger.error({ err: cause }, 'job records could not be stored; trying again');
      this.#timer = setTimeout(() => this.flush(), RECORD_RETRY_MS).unref();
      return cause instanceof JobError ? cause : new JobError('internal', 'The job could not be stored', { cause });
    }
    const stored = [...this.#changed];
    this.#changed.clear();
    for (const job of stored) onStored(job);
    return undefined;
  }
}
