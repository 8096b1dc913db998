import { JobError } from '../../contract/index.ts';
import { START, type EventLog, type LoggedEvent } from '../log/event-log.ts';
import { JobEvents } from './job-events.ts';
import type { StoredJob } from './stored-job.ts';

interface Restoring {
  log: EventLog;
  /** Called when the log turns out to be damaged. */
  damaged: (record: StoredJob) => void;
}

/**
 * The events of an ended job, for one more reader.
 * @throws JobError job_not_found when its events have expired, version_mismatch
 */
export function restoreEvents(record: StoredJob, { log, damaged }: Restoring): JobEvents {
  const last = lastOf(record, log);
  const isGone = last === undefined && log.read(record.job_id, START).stop === 'gone';
  if (isGone && record.error === undefined)
    throw new JobError('job_not_found', `The events of job '${record.job_id}' have expired`);
  const events = new JobEvents(record, { log, damaged, lastSeq: last?.seq ?? 0 });
  events.endFromRecord(last);
  return events;
}

/** Undefined where no event can be read. */
function lastOf({ job_id }: StoredJob, log: EventLog): LoggedEvent | undefined {
  try {
    return log.recover(job_id)?.last;
  } catch (cause) {
    if (cause instanceof JobError && cause.code === 'job_damaged') return undefined;
    throw cause;
  }
}
