import { createHash, randomUUID } from 'node:crypto';
import { isTerminal, JobError, jobRecord, type Actor, type JobRecord } from '../../contract/index.ts';
import type { Recovered } from '../log/event-log.ts';
import type { JobRequest } from '../server/parse-request.ts';

/** What is stored of a job beside its events. */
export interface StoredJob extends JobRecord {
  idempotency_key?: string;
  /** Digest of the body, to tell a retry from another request under the same key. */
  body_sha256?: string;
  /** Number of the last event before those of the job below that is driven now: where its events begin. */
  driven_after?: number;
  /** What there is to know of a request that waits, for as long as this daemon alone has it. The request is kept apart: see `WaitingInput`. */
  parked?: object;
  /** Size of what was asked. */
  input_bytes?: number;
  /** Workers that ended while they computed the request. */
  killed_workers?: number;
  /** Set for a job that is cancelled when it has no reader. */
  on_disconnect?: 'cancel';
  /** When it ended, by this daemon's calendar: from then on it grows old. */
  ended_on?: number;
  /** Its log is damaged, and has been set aside. */
  is_damaged?: true;
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

/** Whether a document is a record that every reader can work with. @returns it, with whatever else it has */
export function asStoredJob(value: object, key: string): StoredJob | undefined {
  const record = value as StoredJob;
  if (!jobRecord.safeParse(record).success || record.job_id !== key || !/^job-[A-Za-z0-9-]{1,64}$/.test(key)) return undefined;
  return ENDED.has(record.state) && record.ended_at === undefined ? undefined : record;
}

/** A job whose record is lost, as far as its log tells. */
export function recordOfLog(jobId: string, { header, last }: Recovered, actor: Actor): StoredJob {
  const now = new Date().toISOString();
  const record: StoredJob = {
    operation: header?.operation ?? 'unknown',
    correlation_id: header?.correlation_id ?? 'unknown',
    created_at: header?.created_at ?? now,
    job_id: jobId,
    actor,
    state: 'running',
    downstream: [],
  };
  if (last === undefined || !isTerminal(last.kind)) return record;
  return { ...record, state: last.kind === 'result' ? 'completed' : last.kind, ended_at: now };
}

/**
 * A request that waits, under its job's id in a collection of its own: records are read by the thousand, to list them and to look for old
 * ones, and a request may have megabytes.
 */
export interface WaitingInput {
  input: object;
}

export interface CreateOptions {
  correlationId: string;
  idempotencyKey: string | undefined;
  body: string;
  /** Workers that ended while they computed the request, as the hop above knows. */
  killedWorkers?: number | undefined;
}

export function newRecord(request: JobRequest, options: CreateOptions, actor: Actor): StoredJob {
  const { correlationId, idempotencyKey, body, killedWorkers = 0 } = options;
  return {
    job_id: `job-${randomUUID()}`,
    operation: request.operation,
    state: 'queued',
    actor,
    correlation_id: correlationId,
    created_at: new Date().toISOString(),
    downstream: [],
    input_bytes: body.length,
    ...(killedWorkers === 0 ? {} : { killed_workers: killedWorkers }),
    ...(request.onDisconnect === 'cancel' ? { on_disconnect: 'cancel' } : {}),
    ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey, body_sha256: digest(body) }),
  };
}

export function alreadyEnded({ job_id, state }: JobRecord): JobError {
  return new JobError('job_already_ended', `Job '${job_id}' has already ended: ${state}`);
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What others see of it. */
export function publicRecord(stored: StoredJob): JobRecord {
  const record: StoredJob = { ...stored };
  delete record.idempotency_key;
  delete record.body_sha256;
  delete record.driven_after;
  delete record.parked;
  delete record.input_bytes;
  delete record.killed_workers;
  delete record.on_disconnect;
  delete record.ended_on;
  delete record.is_damaged;
  // By the clock that its times are from: the client's may differ.
  if (record.ended_at === undefined) record.age_ms = Math.max(0, Date.now() - Date.parse(record.created_at));
  return record;
}
