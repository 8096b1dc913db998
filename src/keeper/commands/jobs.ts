import { jobStates, operations } from '../../contract/index.ts';
import { LISTED_JOBS_LIMIT } from '../../jobs/client.ts';
import { requireKnown, requireWholeNumber } from '../derive/require.ts';
import { withJobPrefix } from '../queen/job-id.ts';
import { listJobs } from '../queen/list-jobs.ts';
import { reachForReading } from '../queen/reach-for-reading.ts';
import type { Session } from '../session.ts';
import { jobTable } from '../show/jobs.ts';

export interface JobsOptions {
  state?: string;
  operation?: string;
  correlationId?: string;
  limit?: string;
}

export const DEFAULT_LIMIT = '20';

/** @param job the beginning of the ids of the jobs; undefined for all */
export async function jobs(session: Session, job: string | undefined, options: JobsOptions): Promise<number> {
  const { state, operation, correlationId, limit = DEFAULT_LIMIT } = options;
  requireWholeNumber('--limit', limit, [1, LISTED_JOBS_LIMIT]);
  requireKnown('--state', state, jobStates);
  requireKnown('--operation', operation, Object.keys(operations));
  const queen = await reachForReading(session);
  const id_prefix = job === undefined ? undefined : withJobPrefix(job);
  const filter = { limit, state, operation, correlation_id: correlationId, id_prefix };
  const records = await listJobs(queen, filter, session.interrupt.signal);
  await session.view.result({ jobs: records }, (look) =>
    records.length === 0 ? 'No such jobs. Start one: rbee infer "What does a bee do?"' : jobTable(records, look),
  );
  return 0;
}
