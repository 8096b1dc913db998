import type { Calendar } from './calendar.ts';
import { InputBytes } from './input-bytes.ts';
import { Job, type JobOwner } from './job.ts';
import type { RecordWriter } from './record-writer.ts';
import type { StoredJob } from './stored-job.ts';

interface LiveJobsOptions extends Pick<JobOwner, 'log' | 'waiting' | 'damaged'> {
  calendar: Calendar;
  records: RecordWriter;
  inputsLimitBytes?: number | undefined;
}

/** The jobs that run, or whose end is not stored yet. All other jobs are read from the catalog. */
export class LiveJobs {
  readonly #options: LiveJobsOptions;
  readonly #owner: JobOwner;
  readonly #jobs = new Map<string, Job>();
  /** Those that were created under a key. */
  readonly #byKey = new Map<string, Job>();
  /** What their requests take together. */
  readonly inputs: InputBytes;
  /** Jobs with events to write at the next flush. */
  readonly #dirty = new Set<Job>();
  #isFlushing = false;

  constructor(options: LiveJobsOptions) {
    this.#options = options;
    this.inputs = new InputBytes(options.inputsLimitBytes);
    const { records, calendar } = options;
    this.#owner = {
      ...options,
      eventsAppended: (job) => this.#flushSoon(job),
      recordChanged: (job) => {
        if (job.isClosed) job.record.ended_on ??= calendar.now();
        records.changed(job);
      },
      downstreamChanged: (job) => void records.storeSoon(job),
    };
  }

  get size(): number {
    return this.#jobs.size;
  }

  get(jobId: string): Job | undefined {
    return this.#jobs.get(jobId);
  }

  byKey(key: string): Job | undefined {
    return this.#byKey.get(key);
  }

  /** Those that have not ended. */
  running(): Job[] {
    return [...this.#jobs.values()].filter((job) => !job.isClosed);
  }

  /** @param lastSeq seq of the last event in its log */
  add(record: StoredJob, lastSeq = 0): Job {
    const job = new Job(record, this.#owner, lastSeq);
    this.#jobs.set(record.job_id, job);
    this.inputs.add(record);
    if (record.idempotency_key !== undefined) this.#byKey.set(record.idempotency_key, job);
    return job;
  }

  /** Its end is stored, or it is not to be kept. */
  remove(job: Job): void {
    if (this.#jobs.delete(job.record.job_id)) this.inputs.remove(job.record);
    this.forgetKey(job);
    if (!job.isClosed) this.#dirty.delete(job);
  }

  /** A later request under its key creates a job of its own. */
  forgetKey({ record }: Job): void {
    if (record.idempotency_key !== undefined) this.#byKey.delete(record.idempotency_key);
  }

  /** J1: writes the events of all jobs, then delivers them. J7: new records, and those that name a new downstream job, come first. */
  flush(): void {
    this.#isFlushing = false;
    this.#options.records.storeUrgent();
    const jobs = [...this.#dirty];
    this.#dirty.clear();
    for (const job of jobs) job.flush();
  }

  /** One flush a tick for all jobs. */
  #flushSoon(job: Job): void {
    this.#dirty.add(job);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => this.flush());
  }
}
