import * as z from 'zod';
import { JobError, jobRecord } from '../../contract/index.ts';
import { call, trace, type Peer, type Trace } from '../../jobs/client.ts';
import { reachForReading } from '../queen/reach-for-reading.ts';
import type { Session } from '../session.ts';
import { traceText } from '../show/trace-tree.ts';

const foundJobs = z.object({ jobs: z.array(jobRecord) });

/** @param id a correlation id, or the id of a job of the queen */
export async function traceRequest(session: Session, id: string): Promise<number> {
  const queen = await reachForReading(session);
  const jobIds = id.startsWith('job-') ? [id] : await jobsOfRequest(queen, id);
  const traces = await Promise.all(jobIds.map((jobId) => traceOf(queen, jobId)));
  await session.view.result({ traces }, (look) => traces.map((each) => traceText(each, look)).join('\n\n'));
  return 0;
}

async function jobsOfRequest(queen: Peer, correlationId: string): Promise<string[]> {
  const path = `/v1/jobs?${new URLSearchParams({ correlation_id: correlationId }).toString()}`;
  const parsed = foundJobs.safeParse(await call(queen, { method: 'GET', path, repeatable: true }));
  if (!parsed.success) throw malformed(parsed.error);
  const { jobs } = parsed.data;
  if (jobs.length === 0) throw new JobError('job_not_found', `No job has the id or the correlation id '${correlationId}'`);
  return jobs.map(({ job_id }) => job_id).toReversed();
}

async function traceOf(queen: Peer, jobId: string): Promise<Trace> {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}/trace`;
  const parsed = trace.safeParse(await call(queen, { method: 'GET', path, repeatable: true }));
  if (!parsed.success) throw malformed(parsed.error);
  return parsed.data;
}

function malformed(cause: Error): JobError {
  return new JobError('queen_bad_response', 'The queen returned a malformed trace', { cause });
}
