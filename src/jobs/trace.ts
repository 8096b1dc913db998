import * as z from 'zod';
import { downstreamJob, JobError, jobRecord, type DownstreamJob, type JobRecord } from '../contract/index.ts';
import { call } from './call.ts';
import type { Peer } from './peer.ts';

/** A job and the jobs that it drives, over all hops. */
export interface Trace {
  job: JobRecord;
  downstream: TraceBelow[];
}

export type TraceBelow = DownstreamJob & ({ trace: Trace } | { error: { code: string; message: string } });

const traceBelow: z.ZodType<TraceBelow> = z.lazy(() =>
  z.union([
    downstreamJob.extend({ trace }),
    downstreamJob.extend({ error: z.object({ code: z.string(), message: z.string() }) }),
  ]),
);

export const trace: z.ZodType<Trace> = z.object({ job: jobRecord, downstream: z.array(traceBelow) });

/** A hop that cannot answer by then is shown as such. */
const TRACE_DEADLINE_MS = 2_000;

/** Asks every role below for its part, in parallel. */
export async function traceJob(job: JobRecord, findPeer: (below: DownstreamJob) => Peer): Promise<Trace> {
  return { job, downstream: await Promise.all(job.downstream.map((driven) => askBelow(driven, findPeer))) };
}

async function askBelow(driven: DownstreamJob, findPeer: (below: DownstreamJob) => Peer): Promise<TraceBelow> {
  try {
    const path = `/v1/jobs/${encodeURIComponent(driven.job_id)}/trace`;
    const answer = await call(findPeer(driven), { method: 'GET', path, signal: AbortSignal.timeout(TRACE_DEADLINE_MS) });
    return { ...driven, trace: trace.parse(answer) };
  } catch (cause) {
    const error =
      cause instanceof JobError ? cause : new JobError('deadline_exceeded', `The ${driven.role} did not answer`, { cause });
    return { ...driven, error: { code: error.code, message: error.message } };
  }
}
