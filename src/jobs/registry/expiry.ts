import type { Collection } from '../catalog/catalog.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Logger } from './execute.ts';
import type { StoredJob } from './stored-job.ts';

/** Looked at in one go. */
const EXPIRED_AT_ONCE = 1_000;

export interface Kept {
  jobs: number;
  ageMs: number;
}

interface Store {
  records: Collection<StoredJob>;
  log: EventLog;
  logger: Logger;
}

/**
 * Deletes ended jobs that are too old or too many, oldest first. What cannot be deleted, on a full disk for example, is tried again
 * later, and keeps no other from being deleted.
 * @param now by the calendar of this daemon
 */
export function expireJobs({ records, log, logger }: Store, kept: Kept, now: number): void {
  const tooMany = records.count() - kept.jobs;
  let failure: unknown;
  for (const [index, job] of records.find({ limit: Math.max(tooMany, EXPIRED_AT_ONCE) }).entries()) {
    if (job.ended_at === undefined || (index >= tooMany && now - endedOn(job) < kept.ageMs)) continue;
    try {
      forgetJob({ records, log }, job.job_id);
    } catch (cause) {
      failure ??= cause;
    }
  }
  if (failure !== undefined) logger.error({ err: failure }, 'old jobs could not be deleted; trying again later');
}

/** Before there was a calendar, only the wall clock was noted, and the calendar began as that. */
function endedOn({ ended_on, ended_at = '' }: StoredJob): number {
  return ended_on ?? Date.parse(ended_at);
}

/** @throws JobError disk_full */
export function forgetJob({ records, log }: Pick<Store, 'records' | 'log'>, jobId: string): void {
  log.delete(jobId);
  records.delete(jobId);
}
