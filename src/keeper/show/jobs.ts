import type { JobRecord } from '../../contract/index.ts';
import type { Look } from './look.ts';
import { filled, table, type Column } from './table.ts';
import { clock, duration } from './units.ts';

const columns: Column<JobRecord>[] = [
  { title: 'JOB', cell: (each) => each.job_id },
  { title: 'OPERATION', cell: (each) => each.operation, narrow: 'cut' },
  { title: 'STATE', cell: (each) => each.state },
  { title: 'CREATED', cell: created },
  { title: 'TOOK', cell: took, align: 'right', narrow: 'drop' },
  { title: 'ERROR', cell: (each) => each.error?.code ?? '', narrow: 'below' },
  { title: 'CORRELATION', cell: (each) => each.correlation_id, narrow: 'drop' },
];

export function jobTable(jobs: readonly JobRecord[], look: Look): string {
  return table(jobs, filled(jobs, columns), look);
}

/** Without seconds where it was on another day. */
function created({ created_at }: JobRecord): string {
  return clock(created_at).replace(/( \d\d:\d\d):\d\d$/, '$1');
}

function took({ created_at, started_at, ended_at, age_ms }: JobRecord): string {
  if (started_at === undefined) return '';
  const startedMs = Date.parse(started_at);
  if (ended_at !== undefined) return duration(Math.max(0, Date.parse(ended_at) - startedMs));
  // By the queen's clock, which may differ from the clock here.
  return age_ms === undefined ? '' : `${duration(Math.max(0, age_ms - (startedMs - Date.parse(created_at))))} so far`;
}
