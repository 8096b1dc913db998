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

/** One job on its hop, or the reason why the hop did not tell. */
interface Hop {
  label: string;
  job: JobRecord | undefined;
  jobId: string;
  problem: string;
}

/** The time from the first to the last of a request, and how wide it is drawn. */
interface Span {
  startMs: number;
  endMs: number;
  cells: number;
}

/** A request's path: each hop below the one that called it, and when it worked. */
export function traceText(root: Trace, look: Look, nowMs = Date.now()): string {
  const { job } = root;
  const hops = hopsOf(root, job.actor, '');
  const times = timesOf(
    hops.flatMap((hop) => hop.job ?? []),
    nowMs,
  );
  const before: Column<Hop>[] = [
    { title: 'HOP', cell: ({ label }) => label, narrow: 'cut' },
    { title: 'STATE', cell: ({ job: on }) => (on === undefined ? 'unknown' : stateOf(on)) },
    {
      title: 'START',
      cell: ({ job: on }) => (on === undefined ? '' : duration(Date.parse(on.created_at) - times.startMs)),
      align: 'right',
    },
    {
      title: 'TOOK',
      cell: ({ job: on }) => (on === undefined ? '' : duration(endOf(on, nowMs) - Date.parse(on.created_at))),
      align: 'right',
    },
  ];
  const roomCells = look.columns - tableWidth(hops, [...before, { title: '', cell: () => '' }]);
  const span = { ...times, cells: Math.max(LEAST_BAR_CELLS, Math.min(MAX_BAR_CELLS, roomCells)) };
  const after: Column<Hop>[] = [
    { title: timeTitle(span), cell: ({ job: on }) => (on === undefined ? '' : bar(on, span, nowMs)) },
    { title: 'JOB', cell: ({ jobId }) => jobId, narrow: 'drop' },
    { title: 'WHY', cell: ({ problem }) => problem, narrow: 'below' },
  ];
  const head = `${job.operation} · ${job.state} · ${clock(job.created_at)} · correlation ${job.correlation_id}`;
  const rows = table(hops, filled(hops, [...before, ...after]), look);
  return `${flowed(head.split(BETWEEN), look.columns).join('\n')}\n\n${rows}${firstTokenLine(hops, span, look)}`;
}

function hopsOf({ job, downstream }: Trace, label: string, indent: string): Hop[] {
  const own: Hop = { label, job, jobId: job.job_id, problem: '' };
  return [own, ...downstream.flatMap((below) => hopsBelow(below, indent))];
}

function hopsBelow(below: TraceBelow, indent: string): Hop[] {
  const actor = 'trace' in below ? below.trace.job.actor : below.role;
  const label = `${indent}└ ${actor} ${below.name}`;
  if ('trace' in below) return hopsOf(below.trace, label, `${indent}  `);
  return [{ label, job: undefined, jobId: below.job_id, problem: `${below.error.code}: ${below.error.message}` }];
}

function timesOf(jobs: readonly JobRecord[], nowMs: number): Omit<Span, 'cells'> {
  const startMs = Math.min(...jobs.map((job) => Date.parse(job.created_at)));
  return { startMs, endMs: Math.max(startMs + 1, ...jobs.map((job) => endOf(job, nowMs))) };
}

function endOf({ ended_at }: JobRecord, nowMs: number): number {
  return ended_at === undefined ? nowMs : Date.parse(ended_at);
}

function stateOf({ state, error }: JobRecord): string {
  return error === undefined ? state : `${state}: ${error.code}`;
}

/** '0 ────── 432 ms', as wide as the bars. */
function timeTitle({ startMs, endMs, cells }: Span): string {
  const end = ` ${duration(endMs - startMs)}`;
  return `0 ${'─'.repeat(Math.max(0, cells - 2 - end.length))}${end}`;
}

/** Clocks of two machines may differ: what lies outside the span is drawn at its edge. */
export function bar(job: JobRecord, { startMs, endMs, cells: width }: Span, nowMs: number): string {
  const cellOf = (atMs: number) => {
    const share = (atMs - startMs) / (endMs - startMs);
    return Math.min(width - 1, Math.max(0, Math.floor(share * width)));
  };
  const created = cellOf(Date.parse(job.created_at));
  const started = job.started_at === undefined ? width : cellOf(Date.parse(job.started_at));
  // The last moment that belongs to it, so that a job never reaches into the cell after its end.
  const last = Math.max(created, cellOf(endOf(job, nowMs) - 1));
  const first = job.first_token_at === undefined ? -1 : cellOf(Date.parse(job.first_token_at));
  const cells = Array.from({ length: last + 1 }, (_cell, at) => {
    if (at === first) return FIRST_TOKEN;
    if (at < created) return ' ';
    return at < started ? WAITING : RUNNING;
  });
  return cells.join('');
}

function firstTokenLine(hops: readonly Hop[], { startMs }: Span, { paint }: Look): string {
  const first = hops.find(({ job }) => job?.first_token_at !== undefined)?.job?.first_token_at;
  if (first === undefined) return '';
  return `\n\n${paint.dim(`${FIRST_TOKEN} first token after ${duration(Date.parse(first) - startMs)}`)}`;
}
