import type { Collection } from './catalog.ts';
import type { EventLog } from './event-log.ts';
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

/** Deletes ended jobs that are too old or too many, oldest first. Where it cannot, on a full disk, it is tried again later. */
export function expireJobs({ records, log, logger }: Store, kept: Kept): void {
  try {
    const tooMany = records.count() - kept.jobs;
    const tooOld = new Date(Date.now() - kept.ageMs).toISOString();
    for (const [index, job] of records.find({ limit: Math.max(tooMany, EXPIRED_AT_ONCE) }).entries()) {
      if (job.ended_at === undefined || (index >= tooMany && job.ended_at > tooOld)) continue;
      forgetJob({ records, log }, job.job_id);
    }
  } catch (cause) {
    logger.error({ err: cause }, 'old jobs could not be deleted; trying again later');
  }
}

/** @throws JobError disk_full */
export function forgetJob({ records, log }: Pick<Store, 'records' | 'log'>, jobId: string): void {
  log.delete(jobId);
  records.delete(jobId);
}
