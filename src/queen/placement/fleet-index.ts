import { DEFAULT_MODEL, type HiveReport, type Model, type Worker } from '../../contract/index.ts';
import type { Fleet, HiveView, WorkerView } from './fleet.ts';

/** The model that ships with rbee, which no hive needs to list. */
const BUILTIN: Model = {
  model: DEFAULT_MODEL,
  path: '',
  size_bytes: 2_000_000,
  source: 'builtin',
  created_at: '1970-01-01T00:00:00.000Z',
};

export interface IndexedWorker extends WorkerView {
  /** Id of its hive and its own: unique in the fleet. */
  readonly key: string;
  readonly hive: IndexedHive;
  assigned: number;
}

/**
 * The fields that decisions read, always in the same layout: where every worker is an object of another shape, as spreading makes
 * them, reading one takes a hundred times as long.
 */
class WorkerRecord {
  readonly key: string;
  readonly hive: IndexedHive;
  assigned = 0;
  worker_id: string;
  hive_id: string;
  model: string;
  worker: Worker['worker'];
  device: number;
  state: Worker['state'];
  slots: number;
  slots_used: number;
  context: number | undefined;
  started_at: string;
  pinned: boolean | undefined;
  need_bytes: number | undefined;
  memory_bytes: number | undefined;

  constructor(worker: Worker, hive: IndexedHive) {
    this.key = workerKey(worker.hive_id, worker.worker_id);
    this.hive = hive;
    this.worker_id = worker.worker_id;
    this.hive_id = worker.hive_id;
    this.model = worker.model;
    this.worker = worker.worker;
    this.device = worker.device;
    this.state = worker.state;
    this.slots = worker.slots;
    this.slots_used = worker.slots_used;
    this.context = worker.context;
    this.started_at = worker.started_at;
    this.pinned = worker.pinned;
    this.need_bytes = worker.need_bytes;
    this.memory_bytes = worker.memory_bytes;
  }
}

/** The state of a hive without its workers. */
export type HiveState = Pick<HiveView, 'hive_id' | 'state' | 'why' | 'isStopped' | 'report'>;

export class IndexedHive implements HiveView {
  readonly hive_id: string;
  readonly byId = new Map<string, IndexedWorker>();
  state: HiveView['state'] = 'out';
  why: string | undefined;
  isStopped: boolean | undefined;
  report: HiveReport | undefined;
  /** From its report, with the model that ships with rbee. */
  models: readonly Model[] = [];
  /** How often it has come up: what was known before the latest time no longer counts. */
  ups = 0;

  constructor(hiveId: string) {
    this.hive_id = hiveId;
  }

  get workers(): readonly IndexedWorker[] {
    return [...this.byId.values()];
  }
}

const NO_WORKERS: ReadonlySet<IndexedWorker> = new Set();
const NO_HOLDERS: ReadonlyMap<IndexedHive, Model> = new Map();

/**
 * The fleet, indexed by model: a decision costs as much as that model has workers and hives, whatever the size of the fleet. Counts what
 * this queen has sent to each worker, also while the worker is not reported.
 */
export class FleetIndex implements Fleet {
  readonly #hives = new Map<string, IndexedHive>();
  readonly #workers = new Map<string, Set<IndexedWorker>>();
  readonly #holders = new Map<string, Map<IndexedHive, Model>>();
  readonly #assigned = new Map<string, number>();
  /** Hives without enough state to decide: asleep, or up without a report. A handful at most. */
  readonly #unreported = new Set<IndexedHive>();
  /** Sorted by id; computed on demand after hives were added or removed. */
  #sorted: readonly IndexedHive[] | undefined;

  static of(fleet: Fleet): FleetIndex {
    if (fleet instanceof FleetIndex) return fleet;
    const index = new FleetIndex();
    for (const hive of fleet.hives) {
      index.applyHive(hive, hive.workers);
      for (const { worker_id, assigned } of hive.workers) index.assign(workerKey(hive.hive_id, worker_id), assigned);
    }
    return index;
  }

  /** Sorted by id. */
  get hives(): readonly IndexedHive[] {
    this.#sorted ??= [...this.#hives.values()].sort((a, b) => (a.hive_id < b.hive_id ? -1 : 1));
    return this.#sorted;
  }

  get size(): number {
    return this.#hives.size;
  }

  hive(hiveId: string): IndexedHive | undefined {
    return this.#hives.get(hiveId);
  }

  unreported(): ReadonlySet<IndexedHive> {
    return this.#unreported;
  }

  /** In every state, also exited ones. */
  workersOf(model: string): ReadonlySet<IndexedWorker> {
    return this.#workers.get(model) ?? NO_WORKERS;
  }

  /** Hives that have the model on disk, as last reported. */
  holdersOf(model: string): ReadonlyMap<IndexedHive, Model> {
    return this.#holders.get(model) ?? NO_HOLDERS;
  }

  modelNames(): string[] {
    return [...this.#holders.keys()];
  }

  /** @param workers all of its workers, for a hive that has just come up; undefined keeps the known ones */
  applyHive({ hive_id, state, why, isStopped, report }: HiveState, workers?: readonly Worker[]): void {
    const hive = this.#hives.get(hive_id) ?? this.#add(hive_id);
    if (report !== hive.report) this.#shelve(hive, report);
    if (state === 'up' && hive.state !== 'up') hive.ups += 1;
    hive.state = state;
    hive.why = why;
    hive.isStopped = isStopped;
    if (state === 'asleep' || (state === 'up' && report === undefined)) this.#unreported.add(hive);
    else this.#unreported.delete(hive);
    if (workers === undefined) return;
    const ids = new Set(workers.map(({ worker_id }) => worker_id));
    for (const id of hive.byId.keys()) if (!ids.has(id)) this.removeWorker(hive_id, id);
    for (const worker of workers) this.applyWorker(worker.hive_id === hive_id ? worker : { ...worker, hive_id });
  }

  /** Ignores workers of an unknown hive: the hive is always reported first. */
  applyWorker(worker: Worker): void {
    const hive = this.#hives.get(worker.hive_id);
    if (hive === undefined) return;
    this.removeWorker(worker.hive_id, worker.worker_id);
    const key = workerKey(worker.hive_id, worker.worker_id);
    const entry = Object.assign(new WorkerRecord(worker, hive), worker, { assigned: this.#assigned.get(key) ?? 0 });
    hive.byId.set(worker.worker_id, entry);
    const others = this.#workers.get(worker.model);
    if (others === undefined) this.#workers.set(worker.model, new Set([entry]));
    else others.add(entry);
  }

  removeWorker(hiveId: string, workerId: string): void {
    const hive = this.#hives.get(hiveId);
    const entry = hive?.byId.get(workerId);
    if (hive === undefined || entry === undefined) return;
    hive.byId.delete(workerId);
    const others = this.#workers.get(entry.model);
    others?.delete(entry);
    if (others?.size === 0) this.#workers.delete(entry.model);
  }

  removeHive(hiveId: string): void {
    const hive = this.#hives.get(hiveId);
    if (hive === undefined) return;
    for (const id of hive.byId.keys()) this.removeWorker(hiveId, id);
    this.#shelve(hive, undefined);
    this.#unreported.delete(hive);
    this.#hives.delete(hiveId);
    this.#sorted = undefined;
  }

  /** @param by 1 for a request that was sent there, -1 for one that ended */
  assign(key: string, by: number): void {
    const count = Math.max(0, (this.#assigned.get(key) ?? 0) + by);
    if (count === 0) this.#assigned.delete(key);
    else this.#assigned.set(key, count);
    const entry = this.worker(key);
    if (entry !== undefined) entry.assigned = count;
  }

  worker(key: string): IndexedWorker | undefined {
    const cut = key.lastIndexOf('/');
    return this.#hives.get(key.slice(0, cut))?.byId.get(key.slice(cut + 1));
  }

  #add(hiveId: string): IndexedHive {
    const hive = new IndexedHive(hiveId);
    this.#hives.set(hiveId, hive);
    this.#sorted = undefined;
    return hive;
  }

  #shelve(hive: IndexedHive, report: HiveReport | undefined): void {
    for (const { model } of hive.models) {
      const holders = this.#holders.get(model);
      holders?.delete(hive);
      if (holders?.size === 0) this.#holders.delete(model);
    }
    hive.report = report;
    hive.models = modelsIn(report);
    for (const model of hive.models) {
      const holders = this.#holders.get(model.model);
      if (holders === undefined) this.#holders.set(model.model, new Map([[hive, model]]));
      else holders.set(hive, model);
    }
  }
}

export function workerKey(hiveId: string, workerId: string): string {
  return `${hiveId}/${workerId}`;
}

function modelsIn(report: HiveReport | undefined): readonly Model[] {
  if (report === undefined) return [];
  return report.models.some(({ model }) => model === DEFAULT_MODEL) ? report.models : [...report.models, BUILTIN];
}
