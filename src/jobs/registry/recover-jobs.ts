import { JobError, type Actor } from '../../contract/index.ts';
import type { Collection } from '../catalog/catalog.ts';
import type { EventLog } from '../log/event-log.ts';
import { fail, type Logger } from './execute.ts';
import type { Job } from './job.ts';
import type { StoredJob } from './stored-job.ts';
import { lookAtLeft, type LeftJob, type Resume } from './recover-job.ts';

/** A job that a former process left, and that can go on. */
export interface Left {
  job: Job;
  left: LeftJob;
}

interface TakingOver {
  actor: Actor;
  log: EventLog;
  logger: Logger;
  resume?: Resume | undefined;
}

type Records = Collection<StoredJob>;
type Track = (record: StoredJob, lastSeq: number) => Job;

/**
 * What a former process was only relaying can go on; what it was doing alone cannot, and its readers are told.
 * @returns what can go on
 */
export function takeOver(by: TakingOver, records: Records, track: Track): Left[] {
  const running = ['queued', 'running'].flatMap((state) => records.find({ where: { state } }));
  return running.flatMap((record) => takeOverOne(record, by, track));
}

/** One damaged log ends its own job and keeps no daemon from starting. */
function takeOverOne(record: StoredJob, by: TakingOver, track: Track): Left[] {
  const { log, logger, actor, resume } = by;
  const interrupt = (lastSeq: number) => {
    const reason = new JobError('interrupted', `${actor} ended while this job was running`);
    fail(track(record, lastSeq), reason, logger);
  };
  const found = lookAtLeft(record, log);
  switch (found.kind) {
    case 'ended':
      track(record, found.last.seq).endAs(found.last);
      break;
    case 'resumable':
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
