import * as z from 'zod';
import { jobStates, JobError, jobRecord, operations } from '../../contract/index.ts';
import { call, LISTED_JOBS_LIMIT } from '../../jobs/client.ts';
import { requireKnown, requireWholeNumber } from '../derive/require.ts';
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

const answer = z.object({ jobs: z.array(jobRecord) });

export async function jobs(
  session: Session,
  { state, operation, correlationId, limit = DEFAULT_LIMIT }: JobsOptions,
): Promise<number> {
  requireWholeNumber('--limit', limit, [1, LISTED_JOBS_LIMIT]);
  requireKnown('--state', state, jobStates);
  requireKnown('--operation', operation, Object.keys(operations));
  const queen = await reachForReading(session);
  const query = new URLSearchParams({
    limit,
    ...(state === undefined ? {} : { state }),
    ...(operation === undefined ? {} : { operation }),
    ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
  });
  const parsed = answer.safeParse(await call(queen, { method: 'GET', path: `/v1/jobs?${query.toString()}`, repeatable: true }));
  if (!parsed.success)
    throw new JobError('queen_bad_response', 'The queen returned a malformed list of jobs', { cause: parsed.error });
  const { jobs: records } = parsed.data;
  await session.view.result(parsed.data, (look) =>
    records.length === 0 ? 'No such jobs. Start one: rbee infer "What does a bee do?"' : jobTable(records, look),
  );
  return 0;
}
