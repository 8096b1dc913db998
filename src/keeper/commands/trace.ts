import { JobError } from '../../contract/index.ts';
import { call, trace, type Peer, type Trace } from '../../jobs/client.ts';
import { jobIdOf } from '../queen/job-id.ts';
import { listJobs } from '../queen/list-jobs.ts';
import { reachForReading } from '../queen/reach-for-reading.ts';
import type { Session } from '../session.ts';
import { traceText } from '../show/trace-tree.ts';

/** @param id a correlation id, or the id of a job of the queen or its beginning */
export async function traceRequest(session: Session, id: string): Promise<number> {
  const queen = await reachForReading(session);
  const { signal } = session.interrupt;
  const jobIds = id.startsWith('job-') ? [await jobIdOf(queen, id, signal)] : await jobsOfRequest(queen, id, signal);
  const traces = await Promise.all(jobIds.map((jobId) => traceOf(queen, jobId, signal)));
  await session.view.result({ traces }, (look) => traces.map((each) => traceText(each, look)).join('\n\n'));
  return 0;
}

async function jobsOfRequest(queen: Peer, id: string, signal: AbortSignal): Promise<string[]> {
  const jobs = await listJobs(queen, { correlation_id: id }, signal);
  return jobs.length === 0 ? [await jobIdOf(queen, id, signal)] : jobs.map(({ job_id }) => job_id).toReversed();
}

async function traceOf(queen: Peer, jobId: string, signal: AbortSignal): Promise<Trace> {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}/trace`;
  const parsed = trace.safeParse(await call(queen, { method: 'GET', path, repeatable: true, signal }));
  if (!parsed.success) throw new JobError('queen_bad_response', 'The queen returned a malformed trace', { cause: parsed.error });
  return parsed.data;
}
