import assert from 'node:assert/strict';
import { JobError, needsNoDisk, type Actor, type Handlers, type JobContext, type JobRecord } from '../../contract/index.ts';
import type { Catalog, Collection } from '../catalog/catalog.ts';
import { Calendar } from './calendar.ts';
import type { EventLog } from '../log/event-log.ts';
import { execute, fail, type Logger, type UntypedHandler } from './execute.ts';
import { expireJobs, forgetJob, type Kept } from './expiry.ts';
import { DisconnectWatch } from './disconnect-watch.ts';
import { InputBytes } from './input-bytes.ts';
import { Job } from './job.ts';
import { KeptJobs } from './kept-jobs.ts';
import { CANCEL_GRACE_MS, EXPIRY_INTERVAL_MS, RUNNING_JOBS_LIMIT } from '../limits.ts';
import type { JobRequest } from '../server/parse-request.ts';
import { Reader, type Sink } from './reader.ts';
import { RecordWriter } from './record-writer.ts';
import type { Room } from '../log/spill.ts';
import type { Encoder } from '../server/sse.ts';
import type { SetAside } from '../log/set-aside.ts';
import {
  alreadyEnded,
  asStoredJob,
  digest,
  newRecord,
  publicRecord,
  type CreateOptions,
  type WaitingInput,
  type StoredJob,
} from './stored-job.ts';
import { OrphanedJobs } from './orphaned-jobs.ts';
import { withUnstored } from './unstored.ts';
import { recoverJobs, type Recovered } from './recover-jobs.ts';
import type { Resume } from './recover-job.ts';

export interface RegistryOptions {
  actor: Actor;
  handlers: Handlers;
  log: EventLog;
  catalog: Catalog;
  logger: Logger;
  /** Ended jobs kept for replay. */
  kept: Kept;
  /** The disk that new jobs need room on; none where they are kept in memory. */
  room?: Room | undefined;
  /** What the requests of jobs that have not ended may have together. */
  inputsLimitBytes?: number;
  /** Goes on with a job that a former process was relaying or had waiting; without it, such jobs end as interrupted. */
  resume?: Resume | undefined;
  /** Where damaged records and logs are kept. */
  aside?: SetAside | undefined;
}

export interface JobQuery {
  where: Partial<Record<'state' | 'operation' | 'correlation_id', string>>;
  limit: number;
}

export interface JobReading {
  start(): void;
  ping(): void;
  /** To be called when the sink's other side has gone. */
  close(): void;
}

const INDEXES = ['state', 'operation', 'correlation_id', 'idempotency_key'] as const;

/** All jobs of one daemon: creates, runs, finds, cancels and expires them. */
export class JobRegistry {
  readonly #options: RegistryOptions;
  readonly #stored: Collection<StoredJob>;
  readonly #waiting: Collection<WaitingInput>;
  /** Jobs that run, or whose end is not stored yet. The rest is read from the catalog. */
  readonly #live = new Map<string, Job>();
  readonly #inputs: InputBytes;
  readonly #kept: KeptJobs;
  readonly #records: RecordWriter;
  /** Jobs with events to write at the next flush. */
  readonly #dirty = new Set<Job>();
  /** Requests under way, so that a POST sent twice at once makes one job. */
  readonly #creating = new Map<string, { digest: string; created: Promise<JobRecord> }>();
  readonly #disconnects = new DisconnectWatch();
  readonly #unheard = new OrphanedJobs();
  readonly #expiry: NodeJS.Timeout;
  #isFlushing = false;
  #isClosing = false;
  /** Of the live jobs that were made with one. */
  readonly #keys = new Map<string, Job>();
  /** Jobs that a former process left, until `resume`. */
  readonly #recovered: Recovered[];
  readonly #calendar: Calendar;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { catalog, logger } = options;
    this.#waiting = catalog.collection<WaitingInput>('parked');
    this.#stored = catalog.collection<StoredJob>('jobs', INDEXES, asStoredJob);
    this.#calendar = new Calendar(catalog);
    this.#inputs = new InputBytes(options.inputsLimitBytes);
    this.#records = new RecordWriter({
      catalog,
      records: this.#stored,
      logger,
      flushEvents: () => this.#flushEvents(),
      onStored: (job) => {
        if (job.isClosed) this.#letGo(job);
      },
    });
    this.#kept = new KeptJobs(options, this.#stored);
    this.#recovered = recoverJobs(options, this.#stored, (record, lastSeq) => this.#track(record, lastSeq));
    this.#records.flush();
    this.#expiry = setInterval(() => this.expire(), EXPIRY_INTERVAL_MS).unref();
  }

  /** What this daemon serves. */
  get handlers(): Handlers {
    return this.#options.handlers;
  }

  get running(): number {
    return this.#live.size;
  }

  /** Goes on with what a former process left: to be called when the role can reach the jobs below. */
  resume(): void {
    for (const { job, left } of this.#recovered.splice(0)) {
      assert(this.#options.resume !== undefined, 'nothing is left to a role that resumes nothing');
      void execute(job, this.#options.resume(left, this.#contextOf(job)), this.#options.logger);
      this.#unheard.keep(job);
      if (job.record.on_disconnect === 'cancel') this.#disconnects.add(job);
    }
  }

  /**
   * Resolves when the job is durable; it runs from then on, whether anybody reads it or not. One that needs no disk runs also where
   * it cannot be made durable.
   * @throws JobError too_many_jobs, idempotency_mismatch, disk_full; shutting_down
   */
  async create(request: JobRequest, options: CreateOptions): Promise<JobRecord> {
    const key = options.idempotencyKey;
    if (key === undefined) return this.#createNew(request, options);
    const body = digest(options.body);
    const known = this.#creating.get(key) ?? this.#findByKey(key);
    if (known !== undefined) {
      if (known.digest === body) return known.created;
      throw new JobError('idempotency_mismatch', `Idempotency-Key '${key}' was used for another request`);
    }
    const created = this.#createNew(request, options);
    this.#creating.set(key, { digest: body, created });
    try {
      return await created;
    } finally {
      this.#creating.delete(key);
    }
  }

  /** @param isHeard whether whoever asked for the job could be told which one it is */
  told(jobId: string, isHeard: boolean): void {
    const job = this.#live.get(jobId);
    if (job === undefined || job.isClosed) return;
    if (isHeard) this.#unheard.keep(job);
    else this.#unheard.add(job, () => this.#endUnheard(job));
  }

  /** @throws JobError job_not_found */
  get(jobId: string): JobRecord {
    return publicRecord(this.#live.get(jobId)?.record ?? this.#kept.recordOf(jobId));
  }

  /** Newest first. */
  find(query: JobQuery): JobRecord[] {
    this.#records.flush();
    return withUnstored(this.#stored.find({ ...query, newestFirst: true }), this.#records.unstored, query).map(publicRecord);
  }

  /**
   * Prepares to stream a job into the sink, from its first event or after the event `after`.
   * @throws JobError job_not_found, invalid_input
   */
  read(jobId: string, sink: Sink, options: { after: number; encoder: Encoder }): JobReading {
    const job = this.#live.get(jobId) ?? this.#kept.restore(jobId);
    if (options.after > job.lastSeq) {
      throw new JobError('invalid_input', `Last-Event-ID ${options.after} is beyond the job's last event, ${job.lastSeq}`);
    }
    const reader = new Reader(job, sink, options);
    job.readers.add(reader);
    this.#unheard.keep(job);
    this.#disconnects.readersChanged(job);
    return {
      start: () => reader.start(),
      ping: () => reader.ping(),
      close: () => {
        reader.close();
        job.readers.delete(reader);
        this.#disconnects.readersChanged(job);
      },
    };
  }

  /**
   * Resolves when the job has ended. A handler gets a moment to tidy up, below as well; then the job ends without it.
   * @throws JobError job_not_found, job_already_ended
   */
  async cancel(jobId: string, reason: string): Promise<JobRecord> {
    const job = this.#live.get(jobId);
    if (job === undefined || job.isClosed) throw alreadyEnded(this.get(jobId));
    job.abort.abort(new JobError('cancelled', reason));
    const grace = setTimeout(() => {
      this.#options.logger.error({ job_id: jobId }, `the handler did not stop within ${CANCEL_GRACE_MS} ms of its cancellation`);
      job.end('cancelled', { reason });
    }, CANCEL_GRACE_MS);
    await job.ended;
    clearTimeout(grace);
    if (job.record.state !== 'cancelled') throw alreadyEnded(job.record);
    return publicRecord(job.record);
  }

  /** Deletes ended jobs that are too old or too many. */
  expire(): void {
    const { log, logger, kept } = this.#options;
    this.#records.flush();
    try {
      expireJobs({ records: this.#stored, log, logger }, kept, this.#calendar.now());
      // After it: on a full disk this fails, and the deleting makes room.
      this.#calendar.store();
    } catch (cause) {
      logger.error({ err: cause }, 'old jobs could not be looked for; trying again later');
    }
  }

  /** Ends what runs, makes everything durable, then lets go of the log. */
  async close(why = `${this.#options.actor} is shutting down`): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#expiry);
    const jobs = [...this.#live.values()].filter((job) => !job.isClosed);
    const reason = new JobError('shutting_down', why);
    for (const job of jobs) job.abort.abort(reason);
    const grace = setTimeout(() => {
      for (const job of jobs) fail(job, reason, this.#options.logger);
    }, CANCEL_GRACE_MS);
    await Promise.all(jobs.map((job) => job.ended));
    clearTimeout(grace);
    this.#records.flush();
    this.#options.log.close();
  }

  async #createNew(request: JobRequest, options: CreateOptions): Promise<JobRecord> {
    if (this.#isClosing) throw new JobError('shutting_down', `${this.#options.actor} is shutting down`);
    const handler = this.#options.handlers[request.operation] as UntypedHandler | undefined;
    assert(handler !== undefined, 'parseRequest lets only our own operations through');
    if (this.#live.size >= RUNNING_JOBS_LIMIT)
      throw new JobError('too_many_jobs', `${RUNNING_JOBS_LIMIT} jobs are running already`);
    const isKept = !needsNoDisk(request.operation);
    if (isKept) this.#options.room?.take(0);
    this.#inputs.requireRoomFor(options.body.length);
    const record = newRecord(request, options, this.#options.actor);
    const job = this.#track(record);
    const error = await this.#records.storeSoon(job);
    if (error !== undefined && isKept) {
      this.#forget(job);
      throw error;
    }
    const run = handler(request.input, this.#contextOf(job));
    void execute(job, run, this.#options.logger);
    if (request.onDisconnect === 'cancel') this.#disconnects.add(job);
    return publicRecord(job.record);
  }

  #contextOf(job: Job): JobContext {
    return {
      jobId: job.record.job_id,
      correlationId: job.record.correlation_id,
      signal: job.abort.signal,
      emit: (event) => job.emit(event),
      hasAnswered: () => job.hasAnswered,
      setDownstream: (below) => job.setDownstream(below),
      keepUntilForwarded: (input, outline) => job.keepUntilForwarded(input, outline),
      keptRequest: () => job.keptRequest(),
      kills: () => job.record.killed_workers ?? 0,
      killedWorker: () => job.killedWorker(),
    };
  }

  #track(record: StoredJob, lastSeq = 0): Job {
    const job = new Job(record, {
      log: this.#options.log,
      waiting: this.#waiting,
      dirty: (dirty) => this.#markDirty(dirty),
      recordChanged: (changed) => {
        if (changed.isClosed) changed.record.ended_on ??= this.#calendar.now();
        this.#records.changed(changed);
      },
      drivesAnother: (driving) => void this.#records.storeSoon(driving),
      damaged: (damaged) => this.#kept.setAside(damaged),
      lastSeq,
    });
    this.#live.set(record.job_id, job);
    this.#inputs.add(record);
    if (record.idempotency_key !== undefined) this.#keys.set(record.idempotency_key, job);
    return job;
  }

  #forget(job: Job): void {
    this.#letGo(job);
    this.#dirty.delete(job);
    this.#records.forget(job);
    forgetJob({ records: this.#stored, log: this.#options.log }, job.record.job_id);
  }

  /** One flush a tick for all jobs. */
  #markDirty(job: Job): void {
    this.#dirty.add(job);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => this.#flushEvents());
  }

  #flushEvents(): void {
    this.#isFlushing = false;
    this.#records.storeUrgent();
    const jobs = [...this.#dirty];
    this.#dirty.clear();
    for (const job of jobs) job.flush();
  }

  #letGo(job: Job): void {
    const { job_id, idempotency_key } = job.record;
    if (this.#live.delete(job_id)) this.#inputs.remove(job.record);
    if (idempotency_key !== undefined) this.#keys.delete(idempotency_key);
    this.#disconnects.forget(job);
    this.#unheard.keep(job);
  }

  /** A later try of the same request makes a job of its own. */
  #endUnheard(job: Job): void {
    const { idempotency_key } = job.record;
    if (idempotency_key !== undefined) this.#keys.delete(idempotency_key);
    delete job.record.idempotency_key;
    void this.#records.storeSoon(job);
    job.abort.abort(new JobError('cancelled', 'whoever asked for it had gone before it was made'));
  }

  #findByKey(key: string): { digest: string | undefined; created: Promise<JobRecord> } | undefined {
    const known = this.#keys.get(key)?.record ?? this.#stored.find({ where: { idempotency_key: key }, limit: 1 })[0];
    return known === undefined ? undefined : { digest: known.body_sha256, created: Promise.resolve(publicRecord(known)) };
  }
}
