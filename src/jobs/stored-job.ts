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
  /** What was asked, for as long as this daemon alone has it. */
  parked?: object;
  /** Set for a job that ends when nobody reads it. */
  on_disconnect?: 'cancel';
}

export interface CreateOptions {
  correlationId: string;
  idempotencyKey: string | undefined;
  body: string;
}

export function newRecord(request: JobRequest, options: CreateOptions, actor: Actor): StoredJob {
  const { correlationId, idempotencyKey, body } = options;
  return {
    job_id: `job-${randomUUID()}`,
    operation: request.operation,
    state: 'queued',
    actor,
    correlation_id: correlationId,
    created_at: new Date().toISOString(),
    downstream: [],
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
  delete record.on_disconnect;
  return record;
}
