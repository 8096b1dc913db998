import { JobError, type Actor } from '../../contract/index.ts';
import type { Collection } from '../catalog/catalog.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Logger } from './execute.ts';
import type { SetAside } from '../log/set-aside.ts';
import { recordOfLog, type StoredJob } from './stored-job.ts';

interface Adopting {
  actor: Actor;
  log: EventLog;
  logger: Logger;
  aside?: SetAside | undefined;
}

/**
 * Makes records for logs that have none, because the catalog has lost them: the answers in them can be read again, and expire as all
 * others. A log that cannot be read is set aside, since nothing would ever delete it.
 */
export function adoptLogs(by: Adopting, records: Collection<StoredJob>): void {
  for (const jobId of by.log.jobIds()) {
    if (records.get(jobId) !== undefined) continue;
    try {
      adopt(jobId, by, records);
    } catch (cause) {
      by.logger.error({ err: cause, job_id: jobId }, 'a log without a record could not be taken over');
    }
  }
}

function adopt(jobId: string, { actor, log, aside }: Adopting, records: Collection<StoredJob>): void {
  const found = recovered(jobId, log);
  if (found === 'newer') return;
  if (found !== undefined) return records.put(jobId, recordOfLog(jobId, found, actor));
  if (aside === undefined) return;
  log.setAside(jobId, aside);
  log.delete(jobId);
}

/** Undefined where nothing of it can be read. */
function recovered(jobId: string, log: EventLog): ReturnType<EventLog['recover']> | 'newer' {
  try {
    return log.recover(jobId);
  } catch (cause) {
    if (!(cause instanceof JobError)) throw cause;
    if (cause.code === 'version_mismatch') return 'newer';
    // Its first events can still be read; then its readers get job_damaged.
    return { header: undefined, last: undefined };
  }
}
