import { setTimeout as delay } from 'node:timers/promises';
import type { Hive, Worker } from '../../contract/index.ts';
import { FleetIndex } from '../placement/index.ts';
import { HiveWatch, type WatchOptions } from './hive-watch.ts';

/** No request waits longer than this for the first reports of all hives. */
const LONGEST_START_MS = 5_000;

export interface ViewOptions {
  connect: WatchOptions['connect'];
  isStopped: WatchOptions['isStopped'];
  onLost: WatchOptions['onLost'];
  /** Called after every change of the fleet that a waiting request may depend on. */
  onChange: () => void;
  onWorkerGone: WatchOptions['onWorkerGone'];
}

/** Called after each change, also after those that no request depends on. */
export interface FleetObserver {
  /** With its state, its workers too. A hive that is not watched any longer is no longer registered. */
  onHive: (hiveId: string, what: 'state' | 'report') => void;
  /** One that its hive no longer reports is gone. */
  onWorker: (hiveId: string, workerId: string) => void;
}

/** The state of all hives as they report it, in memory only: after a restart of the queen they report all of it again. */
export class FleetView {
  readonly fleet = new FleetIndex();
  readonly #options: ViewOptions;
  readonly #watches = new Map<string, HiveWatch>();
  #observer: FleetObserver | undefined;

  /** Until every hive that was registered at the start has reported, or has been tried. */
  #starting: Promise<void> | undefined;
  #startedAt = 0;

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  observe(observer: FleetObserver): void {
    this.#observer = observer;
  }

  /** Before the first request. */
  start(hives: readonly Hive[]): void {
    this.follow(hives);
    this.#startedAt = performance.now();
    this.#starting = this.settled().then(() => {
      this.#starting = undefined;
    });
  }

  get isStarting(): boolean {
    return this.#starting !== undefined;
  }

  /** Resolves when all hives have reported or been tried, or so long after the start; at once for requests that come later. */
  async started(withinMs: number): Promise<void> {
    const leftMs = withinMs - (performance.now() - this.#startedAt);
    // A timer may fire up to a millisecond early.
    if (leftMs > 1) await Promise.race([this.#starting, delay(leftMs, undefined, { ref: false })]);
    if (withinMs >= LONGEST_START_MS) this.#starting = undefined;
  }

  /** To be called with the hives that are registered, whenever one was added, removed or has changed its address. */
  follow(hives: readonly Hive[]): void {
    const byId = new Map(hives.map((hive) => [hive.hive_id, hive]));
    for (const [id, watch] of this.#watches) {
      const hive = byId.get(id);
      if (hive !== undefined && isSameAddress(hive, watch.hive)) continue;
      watch.close();
      this.#watches.delete(id);
      this.fleet.removeHive(id);
      if (hive === undefined) this.#observer?.onHive(id, 'state');
    }
    for (const hive of hives) if (!this.#watches.has(hive.hive_id)) this.#watch(hive);
    this.#options.onChange();
  }

  watch(hiveId: string): HiveWatch | undefined {
    return this.#watches.get(hiveId);
  }

  /** Hives that are down, and were up this recently. */
  downWithin(withinMs: number): HiveWatch[] {
    return [...this.#watches.values()].filter(({ state, downForMs }) => state.kind === 'out' && downForMs < withinMs);
  }

  /** Resolves when every hive that is not up has been tried once more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.settled()));
  }

  /** The hives run on: what is reported of them last still holds. */
  close(): void {
    this.#observer = undefined;
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  #watch(hive: Hive): void {
    const { connect, isStopped, onLost, onChange, onWorkerGone } = this.#options;
    const watch = new HiveWatch(hive, {
      connect,
      isStopped,
      onLost,
      onHive: (changed, what) => {
        // A watch that was replaced reports nothing more.
        if (this.#watches.get(hive.hive_id) === changed) this.#onHive(changed, what);
      },
      onWorker: (worker) => {
        const before = this.fleet.hive(worker.hive_id)?.byId.get(worker.worker_id);
        this.fleet.applyWorker(worker);
        this.#observer?.onWorker(worker.hive_id, worker.worker_id);
        if (before === undefined || isOfMatter(worker, before)) onChange();
      },
      onWorkerGone: (hiveId, workerId) => {
        this.fleet.removeWorker(hiveId, workerId);
        onWorkerGone(hiveId, workerId);
        this.#observer?.onWorker(hiveId, workerId);
        onChange();
      },
    });
    this.#watches.set(hive.hive_id, watch);
    this.#onHive(watch, 'state');
  }

  #onHive({ hive: { hive_id }, state, report, workers }: HiveWatch, what: 'state' | 'report'): void {
    const out = state.kind === 'out' ? { why: state.why, isStopped: state.code === 'hive_stopped' } : { why: undefined };
    const seen = { hive_id, state: state.kind, ...out, report };
    if (what === 'report') this.fleet.applyHive(seen);
    else this.fleet.applyHive(seen, state.kind === 'up' ? [...workers] : []);
    this.#observer?.onHive(hive_id, what);
    this.#options.onChange();
  }
}

/** Most reports of workers are of their speed, every few seconds, which frees no slot. */
function isOfMatter(worker: Worker, before: Worker): boolean {
  const isSame =
    worker.state === before.state &&
    worker.slots_used === before.slots_used &&
    worker.last_used_at === before.last_used_at &&
    worker.pinned === before.pinned;
  return !isSame;
}

/** Whether one connection serves both: the rest of a hive's entry may change without a new one. */
function isSameAddress(one: Hive, other: Hive): boolean {
  if (one.transport !== other.transport || one.version !== other.version || one.created_at !== other.created_at) return false;
  if (one.transport === 'local' && (one.stopped ?? false) !== (other.stopped ?? false)) return false;
  // Behind a tunnel, the port of the hive may change while the connection stays.
  if (one.transport !== 'ssh') return one.host === other.host && one.port === other.port;
  return one.ssh?.host === other.ssh?.host && one.ssh?.port === other.ssh?.port && one.ssh?.user === other.ssh?.user;
}
