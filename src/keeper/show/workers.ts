import type { Worker } from '../../contract/index.ts';
import type { Look } from './look.ts';
import { filled, LEAST_PATH_WIDTH, list, table, type Column } from './table.ts';
import { bytes, clock, duration, rate } from './units.ts';

export const NO_WORKERS = 'No workers. Start one: rbee worker spawn --model tiny';

const columns: Column<Worker>[] = [
  { title: 'WORKER', cell: (each) => each.worker_id },
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  { title: 'MODEL', cell: (each) => each.model, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'DEVICE', cell: deviceOf },
  { title: 'STATE', cell: (each) => each.state },
  { title: 'SLOTS', cell: (each) => `${each.slots_used}/${each.slots}`, align: 'right' },
  { title: 'CONTEXT', cell: (each) => each.context?.toString() ?? '', align: 'right', narrow: 'drop' },
  { title: 'PINNED', cell: (each) => (each.pinned ? 'yes' : '') },
  { title: 'IDLE', cell: (each) => idleFor(each) ?? '', align: 'right', narrow: 'drop' },
  { title: 'TOK/S', cell: (each) => (each.tokens_per_s ? rate(each.tokens_per_s) : ''), align: 'right', narrow: 'drop' },
  {
    title: 'MEMORY',
    cell: (each) => (each.memory_bytes === undefined ? '' : bytes(each.memory_bytes)),
    align: 'right',
    narrow: 'drop',
  },
];

const exitedColumns: Column<Worker>[] = [
  { title: 'EXITED', cell: (each) => each.worker_id },
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  { title: 'MODEL', cell: (each) => each.model, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'DEVICE', cell: deviceOf },
  { title: 'LAST OUTPUT', cell: lastLine, narrow: 'below' },
];

/** How a model writes calls of tools. */
const TOOL_FORMS: Record<NonNullable<Worker['tool_form']>, string> = {
  json: 'tools with JSON arguments',
  parameters: 'tools with arguments one by one',
  channels: 'tools in a channel of messages',
  generic: "tools in rbee's own form",
};

export function workerText(worker: Worker, look: Look): string {
  const isExited = worker.state === 'exited';
  return list(
    [
      ['worker', worker.worker_id],
      ['hive', worker.hive_id],
      ['model', worker.model],
      ['device', deviceOf(worker)],
      ['state', worker.state],
      ['slots', isExited ? undefined : `${worker.slots_used} of ${worker.slots} in use`],
      ['context', worker.context === undefined ? undefined : `${worker.context} tokens a slot`],
      ['calls', worker.tool_form && TOOL_FORMS[worker.tool_form]],
      ['port', worker.port?.toString()],
      ['pid', worker.pid?.toString()],
      ['started', clock(worker.started_at)],
      ['pinned', worker.pinned ? 'yes: never stopped to free memory' : undefined],
      ['idle for', idleFor(worker)],
      ['needs', worker.need_bytes === undefined ? undefined : `about ${bytes(worker.need_bytes)}`],
      ['last output', worker.last_words],
    ],
    look,
  );
}

/** Exited workers have a table of their own: their last output would widen that of the others. */
export function workersText(workers: readonly Worker[], look: Look): string {
  const exited = workers.filter(({ state }) => state === 'exited');
  const running = workers.filter(({ state }) => state !== 'exited');
  const tables = [
    running.length === 0 ? NO_WORKERS : table(running, filled(running, columns), look),
    ...(exited.length === 0 ? [] : [table(exited, filled(exited, exitedColumns), look)]),
  ];
  return tables.join('\n\n');
}

function deviceOf({ worker, device }: Worker): string {
  return `${worker}:${device}`;
}

function lastLine({ last_words = '' }: Worker): string {
  return last_words.trimEnd().split('\n').at(-1) ?? '';
}

/** Time since the last request; undefined for a worker that is busy, or has had no request. */
function idleFor({ state, slots_used, last_used_at, unused_s }: Worker): string | undefined {
  if (state !== 'ready' || slots_used > 0 || last_used_at === undefined || unused_s === undefined) return undefined;
  return duration(unused_s * 1_000);
}
