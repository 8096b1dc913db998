import { JobError, type Actor } from '../contract/index.ts';
import type { Collection } from './catalog.ts';
import type { EventLog } from './event-log.ts';
import { fail, type Logger } from './execute.ts';
import { forgetJob } from './expiry.ts';
import type { Job } from './job.ts';
import type { StoredJob } from './stored-job.ts';
import { lookAtLeft, type LeftJob, type Resume } from './left-job.ts';

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
  return running.flatMap((record) => takeOverOne(record, by, { records, track }));
}

/** One damaged log ends its own job and keeps no daemon from starting. */
function takeOverOne(record: StoredJob, by: TakingOver, { records, track }: { records: Records; track: Track }): Left[] {
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
      logger.error({ err: found.cause, job_id: record.job_id }, `a job of ${actor} whose log is damaged is forgotten`);
      forgetDamaged(record.job_id, { records, log, logger });
      break;
  }
  return [];
}

function forgetDamaged(jobId: string, { records, log, logger }: { records: Records; log: EventLog; logger: Logger }): void {
  try {
    forgetJob({ records, log }, jobId);
  } catch (cause) {
    logger.error({ err: cause, job_id: jobId }, 'it could not be deleted');
  }
}
