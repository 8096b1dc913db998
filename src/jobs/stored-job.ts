import { createHash, randomUUID } from 'node:crypto';
import { JobError, type Actor, type JobRecord } from '../contract/index.ts';
import type { JobRequest } from './parse-request.ts';

/** What is stored of a job beside its events. */
export interface StoredJob extends JobRecord {
  idempotency_key?: string;
  /** Digest of the body, to tell a retry from another request under the same key. */
  body_sha256?: string;
  /** Number of the last event before those of the job below that is driven now: where its events begin. */
  driven_after?: number;
  /** What there is to know of a request that waits, for as long as this daemon alone has it. The request is kept apart: see `ParkedInput`. */
  parked?: object;
  /** Size of what was asked. */
  input_bytes?: number;
  /** Workers that ended while they computed the request. */
  killed_workers?: number;
  /** Set for a job that ends when nobody reads it. */
  on_disconnect?: 'cancel';
}

/**
 * A request that waits, under its job's id in a collection of its own: records are read by the thousand, to list them and to look for old
 * ones, and a request may have megabytes.
 */
export interface ParkedInput {
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
  const record = { ...stored };
  delete record.idempotency_key;
  delete record.body_sha256;
  delete record.driven_after;
  delete record.parked;
  delete record.input_bytes;
  delete record.killed_workers;
  delete record.on_disconnect;
  return record;
}
