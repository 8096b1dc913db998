import { JobError, type Actor } from '../../contract/index.ts';
import type { Collection } from '../catalog/catalog.ts';
import type { EventLog } from '../log/event-log.ts';
import { fail, type Logger } from './execute.ts';
import type { Job } from './job.ts';
import type { StoredJob } from './stored-job.ts';
import { recoverJob, type RecoveredJob, type Resume } from './recover-job.ts';

/** A job of a previous process that can continue. */
export interface Recovered {
  job: Job;
  left: RecoveredJob;
}

interface Recovering {
  actor: Actor;
  log: EventLog;
  logger: Logger;
  resume?: Resume | undefined;
}

type Records = Collection<StoredJob>;
type Track = (record: StoredJob, lastSeq: number) => Job;

/**
 * Recovers the jobs that were running when the previous process stopped. Jobs that were relayed or waiting can continue; a job whose work
 * was done in that process fails as interrupted.
 * @returns the jobs that can continue
 */
export function recoverJobs(by: Recovering, records: Records, track: Track): Recovered[] {
  const running = ['queued', 'running'].flatMap((state) => records.find({ where: { state } }));
  return running.flatMap((record) => recoverOne(record, by, track));
}

/** A damaged log fails its own job; the daemon still starts. */
function recoverOne(record: StoredJob, by: Recovering, track: Track): Recovered[] {
  const { log, logger, actor, resume } = by;
  const interrupt = (lastSeq: number) => {
    const reason = new JobError('interrupted', `${actor} ended while this job was running`);
    fail(track(record, lastSeq), reason, logger);
  };
  const found = recoverJob(record, log);
  switch (found.kind) {
    case 'ended':
      track(record, found.last.seq).endAs(found.last);
      break;
    case 'resumable':
      if (found.left.kind === 'relayed' && found.left.hasToken) record.first_token_at ??= new Date().toISOString();
      if (resume !== undefined) return [{ job: track(record, found.lastSeq), left: found.left }];
      interrupt(found.lastSeq);
      break;
    case 'interrupted':
      interrupt(found.lastSeq);
      break;
    case 'newer':
      logger.error({ job_id: record.job_id }, found.cause.message);
      break;
    case 'damaged':
      logger.error({ err: found.cause, job_id: record.job_id }, `a job of ${actor} ends here: its log is damaged`);
      track(record, 0).endDamaged();
      break;
  }
  return [];
}
