import type { JobRecord } from '../../contract/index.ts';
import type { Trace, TraceBelow } from '../../jobs/client.ts';
import type { Look } from './look.ts';
import { filled, table, tableWidth, type Column } from './table.ts';
import { clock, duration } from './units.ts';
import { BETWEEN, flowed } from './width.ts';

const MAX_BAR_CELLS = 40;
const LEAST_BAR_CELLS = 10;
const WAITING = '░';
const RUNNING = '█';
const FIRST_TOKEN = '●';

/** One job on its hop, or the reason why the hop did not return it. */
interface Hop {
  label: string;
  job: JobRecord | undefined;
  times: Times;
  jobId: string;
  problem: string;
}

/**
 * Times of one job, in milliseconds since the request started. Its start is taken from the clock of the role above, which sent it; all
 * durations from its own clock. Clocks of two machines differ, so times of different clocks are never subtracted.
 */
export interface Times {
  fromMs: number;
  /** Undefined while it waits. */
  startedMs: number | undefined;
  firstTokenMs: number | undefined;
  toMs: number;
}

/** The duration of the whole request, and the width of its bar. */
interface Span {
  lengthMs: number;
  cells: number;
}

/** The path of a request: each hop below its caller, and when it worked. */
export function traceText(root: Trace, look: Look): string {
  const { job } = root;
  const hops = hopsOf(root, { label: job.actor, indent: '', fromMs: 0 });
  const before: Column<Hop>[] = [
    { title: 'HOP', cell: ({ label }) => label, narrow: 'cut' },
    { title: 'STATE', cell: ({ job: on }) => (on === undefined ? 'unknown' : stateOf(on)) },
    { title: 'START', cell: ({ job: on, times }) => (on === undefined ? '' : duration(times.fromMs)), align: 'right' },
    {
      title: 'TOOK',
      cell: ({ job: on, times }) => (on === undefined ? '' : duration(times.toMs - times.fromMs)),
      align: 'right',
    },
  ];
  const roomCells = look.columns - tableWidth(hops, [...before, { title: '', cell: () => '' }]);
  const cells = Math.max(LEAST_BAR_CELLS, Math.min(MAX_BAR_CELLS, roomCells));
  const span = { lengthMs: Math.max(1, ...hops.map(({ times }) => times.toMs)), cells };
  const after: Column<Hop>[] = [
    { title: timeTitle(span), cell: ({ job: on, times }) => (on === undefined ? '' : bar(times, span)) },
    { title: 'JOB', cell: ({ jobId }) => jobId, narrow: 'drop' },
    { title: 'WHY', cell: ({ problem }) => problem, narrow: 'below' },
  ];
  const head = `${job.operation} · ${job.state} · ${clock(job.created_at)} · correlation ${job.correlation_id}`;
  const rows = table(hops, filled(hops, [...before, ...after]), look);
  return `${flowed(head.split(BETWEEN), look.columns).join('\n')}\n\n${rows}${firstTokenLine(hops, look)}`;
}

interface Place {
  label: string;
  indent: string;
  fromMs: number;
}

function hopsOf({ job, downstream }: Trace, { label, indent, fromMs }: Place): Hop[] {
  const own: Hop = { label, job, times: timesOf(job, fromMs), jobId: job.job_id, problem: '' };
  return [own, ...downstream.flatMap((below) => hopsBelow(below, { job, indent, fromMs }))];
}

function hopsBelow(below: TraceBelow, { job, indent, fromMs }: { job: JobRecord; indent: string; fromMs: number }): Hop[] {
  const actor = 'trace' in below ? below.trace.job.actor : below.role;
  const label = `${indent}└ ${actor} ${below.name}`;
  const drivenMs = fromMs + since(job, below.driven_at ?? job.created_at);
  if ('trace' in below) return hopsOf(below.trace, { label, indent: `${indent}  `, fromMs: drivenMs });
  const times = { fromMs: drivenMs, startedMs: undefined, firstTokenMs: undefined, toMs: drivenMs };
  return [{ label, job: undefined, times, jobId: below.job_id, problem: `${below.error.code}: ${below.error.message}` }];
}

function timesOf(job: JobRecord, fromMs: number): Times {
  const { started_at, first_token_at, ended_at, age_ms = 0 } = job;
  const at = (iso: string | undefined) => (iso === undefined ? undefined : fromMs + since(job, iso));
  return { fromMs, startedMs: at(started_at), firstTokenMs: at(first_token_at), toMs: at(ended_at) ?? fromMs + age_ms };
}

/** From the creation of a job to another time of its clock, which may have been changed meanwhile. */
function since({ created_at }: JobRecord, iso: string): number {
  return Math.max(0, Date.parse(iso) - Date.parse(created_at));
}

function stateOf({ state, error }: JobRecord): string {
  return error === undefined ? state : `${state}: ${error.code}`;
}

/** '0 ────── 432 ms', as wide as the bars. */
function timeTitle({ lengthMs, cells }: Span): string {
  const end = ` ${duration(lengthMs)}`;
  return `0 ${'─'.repeat(Math.max(0, cells - 2 - end.length))}${end}`;
}

export function bar({ fromMs, startedMs, firstTokenMs, toMs }: Times, { lengthMs, cells: width }: Span): string {
  const cellOf = (atMs: number) => Math.min(width - 1, Math.max(0, Math.floor((atMs / lengthMs) * width)));
  const created = cellOf(fromMs);
  const started = startedMs === undefined ? width : cellOf(startedMs);
  // The last millisecond of the job, so that its bar never reaches into the cell after its end.
  const last = Math.max(created, cellOf(toMs - 1));
  const first = firstTokenMs === undefined ? -1 : cellOf(firstTokenMs);
  const cells = Array.from({ length: last + 1 }, (_cell, at) => {
    if (at === first) return FIRST_TOKEN;
    if (at < created) return ' ';
    return at < started ? WAITING : RUNNING;
  });
  return cells.join('');
}

function firstTokenLine(hops: readonly Hop[], { paint }: Look): string {
  const first = hops.find(({ times }) => times.firstTokenMs !== undefined)?.times.firstTokenMs;
  if (first === undefined) return '';
  return `\n\n${paint.dim(`${FIRST_TOKEN} first token after ${duration(first)}`)}`;
}
