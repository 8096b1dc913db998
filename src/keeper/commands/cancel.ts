import { JobError } from '../../contract/index.ts';
import { call, type Peer } from '../../jobs/client.ts';
import { jobIdOf } from '../queen/job-id.ts';
import { reachForReading } from '../queen/reach-for-reading.ts';
import type { Session } from '../session.ts';

/** Cancels a job on every hop. Returns when it has ended. */
export async function cancel(session: Session, job: string): Promise<number> {
  const queen = await reachForReading(session);
  const jobId = await jobIdOf(queen, job, session.interrupt.signal);
  await cancelOn(queen, jobId);
  await session.view.result({ job_id: jobId, status: 'cancelled' }, () => `cancelled ${jobId}`);
  return 0;
}

async function cancelOn(queen: Peer, jobId: string): Promise<void> {
  try {
    // Not sent twice: the second answer would be that the job has ended.
    await call(queen, { method: 'DELETE', path: `/v1/jobs/${encodeURIComponent(jobId)}` });
  } catch (cause) {
    if (!(cause instanceof JobError) || cause.code !== 'job_already_ended') throw cause;
    const { origin } = cause;
    const hint = `Read how it ended: rbee logs ${jobId}`;
    throw new JobError(cause.code, cause.message, { cause, hint, ...(origin === undefined ? {} : { origin }) });
  }
}
