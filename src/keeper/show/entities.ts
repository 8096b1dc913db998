import {
  hive,
  hiveHealth,
  model,
  operations,
  sshName,
  worker,
  type Capabilities,
  type Hive,
  type HiveHealth,
  type JobRecord,
  type Model,
  type ModelMemory,
  type OutputOf,
  type Worker,
} from '../../contract/index.ts';
import type * as z from 'zod';
import type { Look } from './look.ts';
import { filled, LEAST_PATH_WIDTH, list, table, type Column } from './table.ts';
import { BETWEEN, flowed } from './width.ts';
import { bytes, clock, duration, rate, uptime } from './units.ts';

type Status = OutputOf<'status'>;

/** One kind of thing that results are made of, and how it looks alone and as a row. */
interface Entity<T> {
  schema: z.ZodType<T>;
  /** The field that lists of it have in results. */
  plural: string;
  one: (thing: T, look: Look) => string;
  many: (things: readonly T[], look: Look) => string;
  /** What to do when there are none. */
  none: string;
}

/** Then its last numbers are of a process that is gone. */
const isOver = ({ state }: Pick<Worker, 'state'>): boolean => state === 'exited';

const workerColumns: Column<Status['workers'][number]>[] = [
  { title: 'WORKER', cell: (each) => each.worker_id },
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  { title: 'MODEL', cell: (each) => each.model, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'DEVICE', cell: (each) => `${each.worker}:${each.device}` },
  { title: 'STATE', cell: (each) => each.state },
  { title: 'SLOTS', cell: (each) => (isOver(each) ? '' : `${each.slots_used}/${each.slots}`), align: 'right' },
  { title: 'CONTEXT', cell: (each) => each.context?.toString() ?? '', align: 'right', narrow: 'drop' },
  { title: 'PINNED', cell: (each) => (each.pinned && !isOver(each) ? 'yes' : '') },
  { title: 'IDLE', cell: (each) => idleFor(each) ?? '', align: 'right', narrow: 'drop' },
];

const reportedColumns: Column<Status['workers'][number]>[] = [
  {
    title: 'TOK/S',
    cell: (each) => (isOver(each) || !each.tokens_per_s ? '' : rate(each.tokens_per_s)),
    align: 'right',
    narrow: 'drop',
  },
  {
    title: 'MEMORY',
    cell: (each) => (isOver(each) || each.memory_bytes === undefined ? '' : bytes(each.memory_bytes)),
    align: 'right',
    narrow: 'drop',
  },
  { title: 'LAST WORDS', cell: (each) => each.last_words?.trimEnd().split('\n').at(-1) ?? '', narrow: 'below' },
];

const modelColumns: Column<Model>[] = [
  { title: 'MODEL', cell: (each) => each.model, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'SIZE', cell: (each) => bytes(each.size_bytes), align: 'right' },
  { title: 'SOURCE', cell: (each) => each.source, narrow: 'cut', least: LEAST_PATH_WIDTH },
  { title: 'FILE', cell: (each) => each.path, narrow: 'cut', least: LEAST_PATH_WIDTH },
];

const hiveHealthColumns: Column<Status['hives'][number]>[] = [
  { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
  { title: 'STATE', cell: (each) => each.state },
  { title: 'ADDRESS', cell: (each) => `${each.host}:${each.port}`, narrow: 'cut' },
  { title: 'VERSION', cell: (each) => each.version ?? '' },
  { title: 'UP', cell: (each) => (each.uptime_s === undefined ? '' : uptime(each.uptime_s)) },
  { title: 'WHY', cell: (each) => each.reason ?? '', narrow: 'below' },
];

export const workers: Entity<Worker> = {
  schema: worker,
  plural: 'workers',
  one: (each, look) =>
    list(
      [
        ['worker', each.worker_id],
        ['hive', each.hive_id],
        ['model', each.model],
        ['device', `${each.worker}:${each.device}`],
        ['state', each.state],
        ['slots', isOver(each) ? undefined : `${each.slots_used} of ${each.slots} in use`],
        ['context', each.context === undefined ? undefined : `${each.context} tokens a slot`],
        ['port', each.port?.toString()],
        ['pid', each.pid?.toString()],
        ['started', clock(each.started_at)],
        ['pinned', each.pinned ? 'yes: never ended to make room' : undefined],
        ['idle for', idleFor(each)],
        ['needs', each.need_bytes === undefined ? undefined : `about ${bytes(each.need_bytes)}`],
        ['last words', each.last_words],
      ],
      look,
    ),
  many: (rows, look) => table(rows, filled(rows, [...workerColumns, ...reportedColumns]), look),
  none: 'No workers. Start one: rbee worker spawn --model tiny',
};

export const models: Entity<Model> = {
  schema: model,
  plural: 'models',
  one: (each, look) =>
    list(
      [
        ['model', each.model],
        ['size', bytes(each.size_bytes)],
        ['file', each.path],
        ['memory', each.memory && memoryText(each.memory)],
        ['source', each.source],
        ['sha256', each.sha256],
        ['since', clock(each.created_at)],
      ],
      look,
    ),
  many: (rows, look) => table(rows, modelColumns, look),
  none: 'No models. Fetch one: rbee model download <url>',
};

export const hives: Entity<Hive> = {
  schema: hive,
  plural: 'hives',
  one: (each, look) => [list(hivePairs(each), look), ...devices(each, look)].join('\n\n'),
  many: (rows, look) =>
    table(
      rows,
      [
        { title: 'HIVE', cell: (each) => each.hive_id, narrow: 'cut' },
        {
          title: 'ADDRESS',
          cell: (each) => (each.ssh === undefined ? `${each.host}:${each.port}` : `ssh ${sshName(each.ssh)}`),
          narrow: 'cut',
        },
        { title: 'TRANSPORT', cell: (each) => each.transport },
        {
          title: 'DEVICES',
          cell: ({ capabilities }) => capabilities?.devices.map(deviceName).join(', ') ?? 'not asked yet',
          narrow: 'cut',
        },
      ],
      look,
    ),
  none: 'No hives. Set one up: rbee hive install',
};

export const hiveHealths: Entity<HiveHealth> = {
  schema: hiveHealth,
  plural: 'hives',
  one: ({ hive_id, state, version, pid, uptime_s, reason }, { columns }) => {
    const parts = [
      `hive ${hive_id} is ${state}`,
      version === undefined ? undefined : `rbee ${version}`,
      pid === undefined ? undefined : `pid ${pid}`,
      uptime_s === undefined ? undefined : `up ${uptime(uptime_s)}`,
      // That nothing answers there is no news then.
      state === 'stopped' ? undefined : reason,
    ];
    return flowed(
      parts.filter((part) => part !== undefined),
      columns,
    ).join('\n');
  },
  many: (rows, look) => table(rows as Status['hives'], filled(rows as Status['hives'], hiveHealthColumns), look),
  none: 'No hives. Set one up: rbee hive install',
};

/** In the order in which a thing is compared with them: no schema here accepts another's things. */
export const entities = [workers, models, hives, hiveHealths] as Entity<unknown>[];

const jobColumns: Column<JobRecord>[] = [
  { title: 'JOB', cell: (each) => each.job_id },
  { title: 'OPERATION', cell: (each) => each.operation, narrow: 'cut' },
  { title: 'STATE', cell: (each) => each.state },
  { title: 'MADE', cell: (each) => made(each) },
  { title: 'TOOK', cell: (each) => took(each), align: 'right', narrow: 'drop' },
  { title: 'ERROR', cell: (each) => each.error?.code ?? '', narrow: 'below' },
  { title: 'CORRELATION', cell: (each) => each.correlation_id, narrow: 'drop' },
];

export function jobTable(jobs: readonly JobRecord[], look: Look): string {
  return table(jobs, filled(jobs, jobColumns), look);
}

export const isStatus = (value: unknown): value is Status => operations.status.output.safeParse(value).success;

/** queen, hives, workers with their slots, models: one table each. */
export function statusText({ queen, ...fleet }: Status, look: Look): string {
  const hiveRows = fleet.hives.length === 0 ? hiveHealths.none : hiveHealths.many(fleet.hives, look);
  const workerRows = fleet.workers.length === 0 ? workers.none : workers.many(fleet.workers, look);
  const modelRows = fleet.models.length === 0 ? undefined : modelsOfHives(fleet.models, look);
  const queenRow = flowed(queenLine(queen).split(BETWEEN), look.columns).join('\n');
  return [queenRow, hiveRows, workerRows, modelRows].filter((part) => part !== undefined).join('\n\n');
}

export function queenLine({ version, port, pid, uptime_s }: Status['queen']): string {
  return `queen is awake · rbee ${version} · port ${port} · pid ${pid} · up ${uptime(uptime_s)}`;
}

function modelsOfHives(rows: Status['models'], look: Look): string {
  return table(
    rows,
    (modelColumns as Column<Status['models'][number]>[]).toSpliced(1, 0, {
      title: 'HIVE',
      cell: (each) => each.hive_id,
      narrow: 'cut',
    }),
    look,
  );
}

function hivePairs(each: Hive): [string, string | undefined][] {
  return [
    ['hive', each.hive_id],
    ['address', `${each.host}:${each.port}`],
    ['transport', each.transport],
    ['ssh', each.ssh && sshName(each.ssh)],
    ['since', clock(each.created_at)],
    ['machine', each.capabilities && `${each.capabilities.hostname}, ${each.capabilities.os} ${each.capabilities.arch}`],
    ['version', each.version ?? each.capabilities?.version],
    ['disk free', each.capabilities && bytes(each.capabilities.disk_free_bytes)],
    ['devices asked', each.capabilities_at && clock(each.capabilities_at)],
  ];
}

function devices({ hive_id, capabilities: known }: Hive, look: Look): string[] {
  if (known === undefined)
    return [look.paint.dim(`Its devices are not known yet. Ask: rbee hive update ${hive_id} --refresh-capabilities`)];
  return [
    table(
      known.devices,
      filled(known.devices, [
        { title: 'DEVICE', cell: deviceName },
        {
          title: 'NAME',
          cell: (each) =>
            `${each.name}${each.usable === false ? ` (${each.problem ?? 'its engine or its driver is not installed'})` : ''}`,
          narrow: 'cut',
        },
        { title: 'MEMORY', cell: (each) => bytes(each.memory_bytes), align: 'right' },
        { title: 'FREE', cell: (each) => bytes(each.memory_free_bytes), align: 'right' },
        { title: 'CORES', cell: (each) => each.cores?.toString() ?? '', align: 'right' },
        { title: 'DRIVER', cell: (each) => each.driver ?? '' },
      ]),
      look,
    ),
  ];
}

/** Since its last request; not of one that is busy, or has had none. */
function idleFor({ state, slots_used, last_used_at, unused_s }: Worker): string | undefined {
  if (state !== 'ready' || slots_used > 0 || last_used_at === undefined || unused_s === undefined) return undefined;
  return duration(unused_s * 1_000);
}

function memoryText(memory: ModelMemory): string {
  const cache = `${bytes(memory.kv_bytes_per_token * 1000)} of KV cache for 1,000 tokens`;
  return `${bytes(memory.weights_bytes)} of weights, ${cache}, ${bytes(memory.compute_bytes)} to compute in`;
}

const deviceName = ({ worker: kind, device }: Capabilities['devices'][number]): string => `${kind}:${device}`;

/** Of another day, the seconds say nothing. */
function made({ created_at }: JobRecord): string {
  return clock(created_at).replace(/( \d\d:\d\d):\d\d$/, '$1');
}

function took({ created_at, started_at, ended_at, age_ms }: JobRecord): string {
  if (started_at === undefined) return '';
  const startedMs = Date.parse(started_at);
  if (ended_at !== undefined) return duration(Math.max(0, Date.parse(ended_at) - startedMs));
  // By the clock of the queen, which may be another one than here.
  return age_ms === undefined ? '' : `${duration(Math.max(0, age_ms - (startedMs - Date.parse(created_at))))} so far`;
}
