import assert from 'node:assert/strict';
import { JobError, needsNoDisk, type Handlers, type JobRecord } from '../../contract/index.ts';
import type { Collection } from '../catalog/catalog.ts';
import { CANCEL_GRACE_MS, EXPIRY_INTERVAL_MS } from '../limits.ts';
import type { JobRequest } from '../server/parse-request.ts';
import type { Encoder } from '../server/sse.ts';
import { Calendar } from './calendar.ts';
import { runningJobsLimit } from './capacity.ts';
import { DisconnectWatch } from './disconnect-watch.ts';
import { execute, fail, type UntypedHandler } from './execute.ts';
import { expireJobs, forgetJob } from './expiry.ts';
import { IdempotentRequests, type KeyedJob } from './idempotent-requests.ts';
import type { Job } from './job.ts';
import { contextOf } from './job-context.ts';
import { KeptJobs } from './kept-jobs.ts';
import { LiveJobs } from './live-jobs.ts';
import { OrphanedJobs } from './orphaned-jobs.ts';
import { Reader, type Sink } from './reader.ts';
import { RecordWriter } from './record-writer.ts';
import { recoverJobs, type Recovered } from './recover-jobs.ts';
import type { RegistryOptions } from './registry-options.ts';
import {
  alreadyEnded,
  asStoredJob,
  newRecord,
  publicRecord,
  type CreateOptions,
  type StoredJob,
  type WaitingInput,
} from './stored-job.ts';
import { withUnstored, type JobQuery } from './unstored.ts';

/*
 * What always holds. The code and the tests cite these by number.
 *
 * J1 An event is in the log before any reader gets it. The one exception is the `failed` that ends a job whose log cannot be written.
 * J2 The record of a job is stored before the client gets the job's id. The one exception is an operation that needs no disk, on a full one.
 * J3 A job has exactly one terminal event, and no event after it.
 * J4 In the log, a relayed event has the number of the same event in the job below: there a restarted daemon resumes.
 * J5 Nothing is buffered for a reader. A slow one reads from the log again, and delays no job and no other reader.
 * J6 A stored record is never ahead of its log: the events are flushed before the records. What a record lacks, the log tells.
 * J7 A record names the job below before any event of that job is in the log.
 * J8 A log, a record or a reader that fails ends its own job or connection, and nothing else.
 */

export interface JobReading {
  start(): void;
  ping(): void;
  /** To be called when the other side of the sink has disconnected. */
  close(): void;
}

const INDEXES = ['state', 'operation', 'correlation_id', 'idempotency_key'] as const;

/** All jobs of one daemon: creates, runs, finds, cancels and expires them. */
export class JobRegistry {
  readonly #options: RegistryOptions;
  readonly #stored: Collection<StoredJob>;
  readonly #live: LiveJobs;
  readonly #kept: KeptJobs;
  readonly #records: RecordWriter;
  readonly #idempotent = new IdempotentRequests((key) => this.#findByKey(key));
  readonly #disconnects = new DisconnectWatch();
  readonly #orphans = new OrphanedJobs();
  readonly #expiry: NodeJS.Timeout;
  readonly #runningLimit: number;
  #isClosing = false;
  /** Jobs of a previous process, until `resume`. */
  readonly #recovered: Recovered[];
  readonly #calendar: Calendar;

  constructor(options: RegistryOptions) {
    this.#runningLimit = options.runningLimit ?? runningJobsLimit();
    this.#options = options;
    const { catalog, logger, log } = options;
    this.#stored = catalog.collection<StoredJob>('jobs', INDEXES, asStoredJob);
    this.#calendar = new Calendar(catalog);
    this.#records = new RecordWriter({
      catalog,
      records: this.#stored,
      logger,
      flushEvents: () => this.#live.flush(),
      onStored: (job) => {
        if (job.isClosed) this.#letGo(job);
      },
    });
    this.#kept = new KeptJobs(options, this.#stored);
    this.#live = new LiveJobs({
      log,
      waiting: catalog.collection<WaitingInput>('parked'),
      calendar: this.#calendar,
      records: this.#records,
      inputsLimitBytes: options.inputsLimitBytes,
      damaged: (record) => this.#kept.setAside(record),
    });
    this.#recovered = recoverJobs(options, this.#stored, (record, lastSeq) => this.#live.add(record, lastSeq));
    this.#records.flush();
    this.#expiry = setInterval(() => this.expire(), EXPIRY_INTERVAL_MS).unref();
  }

  /** The operations that this daemon serves. */
  get handlers(): Handlers {
    return this.#options.handlers;
  }

  get running(): number {
    return this.#live.size;
  }

  /** Continues the jobs of a previous process: to be called when the role can reach the jobs below. */
  resume(): void {
    for (const { job, left } of this.#recovered.splice(0)) {
      assert(this.#options.resume !== undefined, 'only a role that resumes has recovered jobs');
      void execute(job, this.#options.resume(left, contextOf(job)), this.#options.logger);
      this.#orphans.keep(job);
      if (job.record.on_disconnect === 'cancel') this.#disconnects.add(job);
    }
  }

  /**
   * Resolves when the job is durable (J2); from then on it runs, with or without readers. An operation that needs no disk runs also where
   * its job cannot be stored.
   * @throws JobError too_many_jobs, idempotency_mismatch, disk_full; shutting_down
   */
  async create(request: JobRequest, options: CreateOptions): Promise<JobRecord> {
    const key = options.idempotencyKey;
    if (key === undefined) return this.#createNew(request, options);
    return this.#idempotent.once(key, options.body, () => this.#createNew(request, options));
  }

  /** To be called with each answer to a POST. @param isAwaited whether the client was still connected to get it */
  answered(jobId: string, isAwaited: boolean): void {
    const job = this.#live.get(jobId);
    if (job === undefined || job.isClosed) return;
    if (isAwaited) this.#orphans.keep(job);
    else this.#orphans.add(job, () => this.#cancelOrphan(job));
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
    const job = this.#live.get(jobId);
    const events = job?.events ?? this.#kept.restore(jobId);
    if (options.after > events.lastSeq) {
      throw new JobError('invalid_input', `Last-Event-ID ${options.after} is beyond the job's last event, ${events.lastSeq}`);
    }
    const reader = new Reader(events, sink, options);
    if (job !== undefined) this.#addReader(job, reader);
    return {
      start: () => reader.start(),
      ping: () => reader.ping(),
      close: () => {
        reader.close();
        if (job?.readers.delete(reader) === true) this.#disconnects.readersChanged(job);
      },
    };
  }

  /**
   * Resolves when the job has ended. Its handler gets a grace to clean up, below as well; then the job ends without it.
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
      // Last: on a full disk this fails, and the deleting frees space.
      this.#calendar.store();
    } catch (cause) {
      logger.error({ err: cause }, 'expired jobs could not be deleted; retrying later');
    }
  }

  /** Ends the running jobs, makes everything durable, then closes the log. */
  async close(why = `${this.#options.actor} is shutting down`): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#expiry);
    const jobs = this.#live.running();
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
    const { actor, handlers, logger, room } = this.#options;
    if (this.#isClosing) throw new JobError('shutting_down', `${actor} is shutting down`);
    const handler = handlers[request.operation] as UntypedHandler | undefined;
    assert(handler !== undefined, 'parseRequest passes only operations that are served here');
    if (this.#live.size >= this.#runningLimit)
      throw new JobError('too_many_jobs', `${this.#runningLimit} jobs are running already`);
    const needsDisk = !needsNoDisk(request.operation);
    if (needsDisk) room?.take(0);
    this.#live.inputs.requireRoomFor(options.body.length);
    const job = this.#live.add(newRecord(request, options, actor));
    const error = await this.#records.storeSoon(job);
    if (error !== undefined && needsDisk) {
      this.#forget(job);
      throw error;
    }
    void execute(job, handler(request.input, contextOf(job)), logger);
    if (request.onDisconnect === 'cancel') this.#disconnects.add(job);
    return publicRecord(job.record);
  }

  #addReader(job: Job, reader: Reader): void {
    job.readers.add(reader);
    this.#orphans.keep(job);
    this.#disconnects.readersChanged(job);
  }

  #forget(job: Job): void {
    this.#letGo(job);
    this.#records.forget(job);
    forgetJob({ records: this.#stored, log: this.#options.log }, job.record.job_id);
  }

  #letGo(job: Job): void {
    this.#live.remove(job);
    this.#disconnects.forget(job);
    this.#orphans.keep(job);
  }

  /** A retry of the same request creates a job of its own. */
  #cancelOrphan(job: Job): void {
    this.#live.forgetKey(job);
    delete job.record.idempotency_key;
    void this.#records.storeSoon(job);
    job.abort.abort(new JobError('cancelled', 'the client disconnected before the job was created'));
  }

  #findByKey(key: string): KeyedJob | undefined {
    const known = this.#live.byKey(key)?.record ?? this.#stored.find({ where: { idempotency_key: key }, limit: 1 })[0];
    return known === undefined ? undefined : { digest: known.body_sha256, created: Promise.resolve(publicRecord(known)) };
  }
}
