import { holdsContext, type HiveReport } from '../../contract/index.ts';
import { isDevice, type DevicePattern, type Where } from './device-name.ts';
import { workerKey, type FleetIndex, type IndexedWorker } from './fleet-index.ts';

/** A worker that this queen has decided to start. */
export interface Spawn {
  readonly model: string;
  readonly hiveId: string;
  readonly where: Where;
  readonly bytes: number;
  /** Tokens of a slot; the default when undefined. */
  readonly context: number | undefined;
  /** Ids of the workers that are evicted for it. */
  readonly evicted: readonly string[];
  /** The report on which the decision is based: a later report includes it. */
  readonly report: HiveReport | undefined;
  /** Key of the started worker, once it is reported. */
  worker: IndexedWorker['key'] | undefined;
}

/** Workers that the queen has decided to start and no hive has reported yet: none is started twice, and no memory is promised twice. */
export class PendingSpawns {
  readonly #byHive = new Map<string, Set<Spawn>>();
  readonly #byModel = new Map<string, Set<Spawn>>();
  readonly #leaving = new Set<string>();

  begin(spawn: Spawn): void {
    put(this.#byHive, spawn.hiveId, spawn);
    put(this.#byModel, spawn.model, spawn);
    for (const id of spawn.evicted) this.#leaving.add(workerKey(spawn.hiveId, id));
  }

  end(spawn: Spawn): void {
    drop(this.#byHive, spawn.hiveId, spawn);
    drop(this.#byModel, spawn.model, spawn);
    for (const id of spawn.evicted) this.#leaving.delete(workerKey(spawn.hiveId, id));
  }

  /** One that is not reported yet, where the request may run. */
  spawnOf(model: string, isFit: (spawn: Spawn) => boolean): Spawn | undefined {
    for (const spawn of this.#byModel.get(model) ?? []) if (spawn.worker === undefined && isFit(spawn)) return spawn;
    return undefined;
  }

  bytesOn(hiveId: string, where: Where): number {
    let bytes = 0;
    for (const spawn of this.#byHive.get(hiveId) ?? []) if (isSame(spawn.where, where)) bytes += spawn.bytes;
    return bytes;
  }

  isOn(hiveId: string): boolean {
    return this.#byHive.has(hiveId);
  }

  /** Unreported workers of a device. */
  countOn(hiveId: string, where: Where): number {
    let count = 0;
    for (const spawn of this.#byHive.get(hiveId) ?? []) {
      if (spawn.worker === undefined && isSame(spawn.where, where)) count += 1;
    }
    return count;
  }

  isEvicted({ key }: IndexedWorker): boolean {
    return this.#leaving.size > 0 && this.#leaving.has(key);
  }

  /**
   * Compares with the reports.
   * @returns the spawns whose workers are reported now
   */
  notice(fleet: FleetIndex): Spawn[] {
    const shown: Spawn[] = [];
    for (const spawns of this.#byHive.values()) {
      for (const spawn of spawns) {
        if (spawn.worker === undefined && this.#bind(spawn, fleet)) shown.push(spawn);
        // From now on the hive itself counts its memory.
        if (spawn.worker !== undefined && fleet.hive(spawn.hiveId)?.report !== spawn.report) this.end(spawn);
      }
    }
    return shown;
  }

  get size(): number {
    return this.#byHive.size;
  }

  #bind(spawn: Spawn, fleet: FleetIndex): boolean {
    for (const worker of fleet.workersOf(spawn.model)) {
      if (worker.hive_id !== spawn.hiveId || !isSame(spawn.where, worker)) continue;
      if (worker.state === 'exited' || worker.state === 'stopping' || !holdsContext(worker.context, spawn.context)) continue;
      spawn.worker = worker.key;
      return true;
    }
    return false;
  }
}

function isSame(where: Where, other: Where): boolean {
  const pattern: DevicePattern = where;
  return isDevice(pattern, other);
}

function put(sets: Map<string, Set<Spawn>>, key: string, spawn: Spawn): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([spawn]));
  else set.add(spawn);
}

function drop(sets: Map<string, Set<Spawn>>, key: string, spawn: Spawn): void {
  const set = sets.get(key);
  set?.delete(spawn);
  if (set?.size === 0) sets.delete(key);
}
