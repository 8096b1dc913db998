import { JobError } from '../contract/index.ts';
import type { EventLog } from './event-log.ts';
import { Job } from './job.ts';
import type { StoredJob } from './stored-job.ts';

/**
 * An ended job, for one more reader.
 * @throws JobError job_not_found when its events have expired, version_mismatch
 */
export function restoreJob(record: StoredJob, log: EventLog): Job {
  const known = log.recover(record.job_id);
  if (known === undefined && record.error === undefined)
    throw new JobError('job_not_found', `The events of job '${record.job_id}' have expired`);
  const nothing = () => undefined;
  const lastSeq = known?.last?.seq ?? 0;
  const job = new Job(record, { log, dirty: nothing, recordChanged: nothing, drivesAnother: nothing, lastSeq });
  job.endFromRecord(known?.last);
  return job;
}
