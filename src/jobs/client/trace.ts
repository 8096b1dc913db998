import * as z from 'zod';
import { downstreamJob, JobError, jobRecord, type DownstreamJob, type JobRecord } from '../../contract/index.ts';
import { call } from './call.ts';
import type { Peer } from './peer.ts';
import { badResponse } from './peer-errors.ts';

/** A job and its downstream jobs, over all hops. */
export interface Trace {
  job: JobRecord;
  downstream: TraceBelow[];
}

export type TraceBelow = DownstreamJob & ({ trace: Trace } | { error: { code: string; message: string } });

/** Queen, hive, worker. */
const HOPS = 3;
/** A waiting request that is dropped repeatedly is assigned again for minutes: see `forward-to-worker.ts`. */
const DOWNSTREAM_LIMIT = 1_000;

/** Not a recursive schema: with one, the peer would decide how deep it goes. */
export const trace: z.ZodType<Trace> = traceOf(HOPS);

function traceOf(hops: number): z.ZodType<Trace> {
  const error = downstreamJob.extend({ error: z.object({ code: z.string(), message: z.string() }) });
  const below = hops === 1 ? error : z.union([downstreamJob.extend({ trace: traceOf(hops - 1) }), error]);
  return z.object({ job: jobRecord, downstream: z.array(below).max(DOWNSTREAM_LIMIT) });
}

/** A hop that does not answer by then is shown with the error. */
export const TRACE_DEADLINE_MS = 2_000;
/** Each hop gives the next one less than it has itself, so that the hop that froze is the one that is named. */
const HOP_SHARE = 0.7;

/** Asks every role below for its part, in parallel. */
export async function traceJob(
  job: JobRecord,
  options: { findPeer: (below: DownstreamJob) => Peer; withinMs: number },
): Promise<Trace> {
  const below = { ...options, withinMs: Math.round(options.withinMs * HOP_SHARE) };
  return { job, downstream: await Promise.all(job.downstream.map((driven) => askBelow(driven, below))) };
}

async function askBelow(driven: DownstreamJob, { findPeer, withinMs }: Parameters<typeof traceJob>[1]): Promise<TraceBelow> {
  try {
    const path = `/v1/jobs/${encodeURIComponent(driven.job_id)}/trace?within_ms=${withinMs}`;
    const answer = await call(findPeer(driven), { method: 'GET', path, signal: AbortSignal.timeout(withinMs) });
    const parsed = trace.safeParse(answer);
    if (!parsed.success) throw badResponse(findPeer(driven), `The ${driven.role} returned a malformed trace`, parsed.error);
    return { ...driven, trace: parsed.data };
  } catch (cause) {
    const error =
      cause instanceof JobError ? cause : new JobError('internal', `The ${driven.role} did not return its trace`, { cause });
    return { ...driven, error: { code: error.code, message: error.message } };
  }
}
