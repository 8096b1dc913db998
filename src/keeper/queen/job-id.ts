import { JobError } from '../../contract/index.ts';
import type { Peer } from '../../jobs/client.ts';
import { listJobs } from './list-jobs.ts';

const WHOLE = /^job-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BEGINNING = /^job-[0-9a-zA-Z-]{0,64}$/;
/** Of the jobs that are meant by the same beginning. */
const SHOWN = 5;

/** '0c7e' → 'job-0c7e'. */
export function withJobPrefix(given: string): string {
  return given.startsWith('job-') ? given : `job-${given}`;
}

/**
 * The id of the job that a command names: the whole of it, or as much of its beginning as no other job has, with or without 'job-'.
 * @throws JobError job_not_found; invalid_input where several jobs are meant, with their ids
 */
export async function jobIdOf(queen: Peer, given: string, signal: AbortSignal): Promise<string> {
  const beginning = withJobPrefix(given);
  if (WHOLE.test(beginning)) return beginning;
  const filter = { id_prefix: beginning, limit: String(SHOWN + 1) };
  const found = BEGINNING.test(beginning) ? await listJobs(queen, filter, signal) : [];
  const [only, ...others] = found.map(({ job_id }) => job_id);
  if (only === undefined) throw new JobError('job_not_found', `No job has an id that begins with '${given}'`);
  if (others.length === 0 || only === beginning) return only;
  const ids = [only, ...others].slice(0, SHOWN).join(', ');
  const more = others.length < SHOWN ? '' : ' and more';
  throw new JobError('invalid_input', `Several jobs have ids that begin with '${given}': ${ids}${more}.`, {
    hint: 'Type more of the id. All jobs: rbee jobs',
  });
}
