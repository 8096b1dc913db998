import { JobError } from '../../contract/index.ts';
import { START, type EventLog, type LoggedEvent } from '../log/event-log.ts';
import { Job } from './job.ts';
import type { StoredJob } from './stored-job.ts';

interface Restoring {
  log: EventLog;
  /** Called when its log turns out to be damaged. */
  damaged: (job: Job) => void;
}

/**
 * An ended job, for one more reader.
 * @throws JobError job_not_found when its events have expired, version_mismatch
 */
export function restoreJob(record: StoredJob, { log, damaged }: Restoring): Job {
  const last = lastOf(record, log);
  const isGone = last === undefined && log.read(record.job_id, START).stop === 'gone';
  if (isGone && record.error === undefined)
    throw new JobError('job_not_found', `The events of job '${record.job_id}' have expired`);
  const nothing = () => undefined;
  const lastSeq = last?.seq ?? 0;
  const job = new Job(record, { log, dirty: nothing, recordChanged: nothing, drivesAnother: nothing, damaged, lastSeq });
  job.endFromRecord(last);
  return job;
}

/** Undefined where there is none that can be read. */
function lastOf({ job_id }: StoredJob, log: EventLog): LoggedEvent | undefined {
  try {
    return log.recover(job_id)?.last;
  } catch (cause) {
    if (cause instanceof JobError && cause.code === 'job_damaged') return undefined;
    throw cause;
  }
}
