import * as z from 'zod';
import { JobError, jobRecord, type JobRecord } from '../../contract/index.ts';
import { call, type Peer } from '../../jobs/client.ts';

const answer = z.object({ jobs: z.array(jobRecord) });

/** The fields of the query of GET /v1/jobs; undefined ones are left out. */
export type JobFilter = Readonly<
  Partial<Record<'state' | 'operation' | 'correlation_id' | 'id_prefix' | 'limit', string | undefined>>
>;

/** The jobs of the queen that match, the newest first. */
export async function listJobs(queen: Peer, filter: JobFilter, signal: AbortSignal): Promise<JobRecord[]> {
  const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const path = `/v1/jobs?${new URLSearchParams(given).toString()}`;
  const parsed = answer.safeParse(await call(queen, { method: 'GET', path, repeatable: true, signal }));
  if (!parsed.success)
    throw new JobError('queen_bad_response', 'The queen returned a malformed list of jobs', { cause: parsed.error });
  return parsed.data.jobs;
}
