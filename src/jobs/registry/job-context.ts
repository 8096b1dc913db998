import type { JobContext } from '../../contract/index.ts';
import type { Job } from './job.ts';

/** What the handler of a job may know of it and do with it. */
export function contextOf(job: Job): JobContext {
  return {
    jobId: job.record.job_id,
    correlationId: job.record.correlation_id,
    signal: job.abort.signal,
    emit: (event) => job.emit(event),
    hasAnswered: () => job.hasAnswered,
    setDownstream: (below) => job.setDownstream(below),
    keepUntilForwarded: (input, outline) => job.keepUntilForwarded(input, outline),
    keptRequest: () => job.keptRequest(),
    kills: () => job.record.killed_workers ?? 0,
    killedWorker: () => job.killedWorker(),
  };
}
