import type { Job } from './job.ts';
import type { StoredJob } from './stored-job.ts';

export interface JobQuery {
  where: Partial<Record<'state' | 'operation' | 'correlation_id', string>>;
  /** The beginning of the job's id. */
  keyPrefix?: string;
  limit: number;
}

/** What was found in the catalog, newest first, with what it does not know yet: on a full disk, jobs live in memory alone. */
export function withUnstored(
  stored: StoredJob[],
  unstored: ReadonlySet<Job>,
  { where, keyPrefix = '', limit }: JobQuery,
): StoredJob[] {
  if (unstored.size === 0) return stored;
  const known = new Map(stored.map((record) => [record.job_id, record]));
  for (const { record } of unstored) known.set(record.job_id, record);
  const wanted = Object.entries(where);
  return [...known.values()]
    .filter(
      (record) =>
        record.job_id.startsWith(keyPrefix) && wanted.every(([field, value]) => record[field as keyof typeof where] === value),
    )
    .toSorted((one, other) => other.created_at.localeCompare(one.created_at))
    .slice(0, limit);
}
