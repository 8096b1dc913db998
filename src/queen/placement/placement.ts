import type { JobError, Model } from '../../contract/index.ts';
import { MemoryClaims } from './memory-claims.ts';
import type { IndexedHive, IndexedWorker } from './fleet-index.ts';
import type { Where } from './device-name.ts';
import { Speeds } from './speeds.ts';
import { PendingSpawns } from './pending-spawns.ts';

/** What placement needs of a request. */
export interface PlacementRequest {
  model: string;
  /** The model at its path, as read by its hive; undefined for a name, and when the hive could not be reached. */
  file?: Model | undefined;
  hive_id?: string | undefined;
  worker_id?: string | undefined;
  device?: string | undefined;
  /** Tokens that its context must hold. */
  context?: number | undefined;
  /** Of a worker that is started for it. */
  slots?: number | undefined;
  /** By worker key: characters of its prompt that are probably in the KV cache there; undefined when too few matter. */
  affinity?: ReadonlyMap<string, number> | undefined;
  /** Requests that wait ahead of it for the same places. */
  ahead?: number | undefined;
  /** Its ticket: tickets grow in the order of arrival. Without one it comes first. */
  ticket?: number | undefined;
  /** Hives that have failed this request; the value completes "hive 'attic' …". */
  failedHives?: ReadonlyMap<string, string> | undefined;
  /** Milliseconds since 1970; without it, no worker counts as long unused. */
  now?: number | undefined;
}

/** What the queen knows beyond the reports. */
export interface PlacementMemory {
  speeds: Speeds;
  spawns: PendingSpawns;
  claims: MemoryClaims;
}

export const NO_MEMORY: PlacementMemory = { speeds: new Speeds(), spawns: new PendingSpawns(), claims: new MemoryClaims() };

/** What to do with a request. */
export type Placement =
  /** It has the model and a free slot. */
  | { kind: 'worker'; worker: IndexedWorker }
  /**
   * Until a slot is free, a load ends, or, with `room`, these workers are idle and can be evicted. `worker` is undefined while the
   * started worker is not reported yet.
   */
  | {
      kind: 'wait';
      hive_id: string;
      worker: IndexedWorker | undefined;
      slots: number;
      isLoading: boolean;
      /** Bytes needed beyond the memory of these workers. */
      room?: { where: Where; workers: readonly IndexedWorker[]; bytes: number };
    }
  /** The hive starts a worker there. `where` is undefined for a file that only the hive can read: it chooses the device. */
  | { kind: 'spawn'; hive: IndexedHive; where: Where | undefined; bytes: number }
  | { kind: 'download'; hive: IndexedHive; where: Where; bytes: number; origin: Origin }
  /** These workers are stopped first; then as spawn. */
  | { kind: 'evict'; hive: IndexedHive; where: Where; bytes: number; workers: readonly IndexedWorker[] }
  /** Too little is known: the hive is started, or its first report is awaited; then placement decides again. */
  | { kind: 'wake'; hive: IndexedHive }
  | { kind: 'refuse'; error: JobError };

export type PlacementOf<K extends Placement['kind']> = Extract<Placement, { kind: K }>;

/** Where a model is downloaded from. */
export interface Origin {
  model: string;
  source: string;
  sha256: string | undefined;
}
