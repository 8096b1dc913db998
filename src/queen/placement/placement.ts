import type { JobError, Model } from '../../contract/index.ts';
import { MemoryClaims } from './memory-claims.ts';
import type { IndexedHive, IndexedWorker } from './fleet-index.ts';
import type { Where } from './device-name.ts';
import { Speeds } from './speeds.ts';
import { PendingSpawns } from './pending-spawns.ts';

/** What placement needs to know of a request. */
export interface PlacementRequest {
  model: string;
  /** What its path names, as the hive that it is for sees it; left out for a name, and where nobody could be asked. */
  file?: Model | undefined;
  hive_id?: string | undefined;
  worker_id?: string | undefined;
  device?: string | undefined;
  /** Characters of its beginning that a worker has seen lately, by the worker's key; left out where that is not worth much. */
  affinity?: ReadonlyMap<string, number> | undefined;
  /** Requests for the same that wait already, before this one. */
  ahead?: number | undefined;
  /** Its number in the order in which requests come; left out, it comes before all others. */
  ticket?: number | undefined;
  /** Hives that have failed this very request, and how, as the end of "hive 'attic' …". */
  failedHives?: ReadonlyMap<string, string> | undefined;
  /** Milliseconds since 1970; left out, nothing counts as long unused. */
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
  /** It has a free slot and the model. */
  | { kind: 'worker'; worker: IndexedWorker }
  /**
   * Until a slot is free, a load is over, or, with `room`, until these workers are idle and can make room. `worker` is undefined as
   * long as what was begun is in no report.
   */
  | {
      kind: 'wait';
      hive_id: string;
      worker: IndexedWorker | undefined;
      slots: number;
      isLoading: boolean;
      /** Bytes are those that it needs beside what these workers have. */
      room?: { where: Where; workers: readonly IndexedWorker[]; bytes: number };
    }
  /** The hive is to start a worker there. Where is undefined for a file that only the hive can see: it chooses by itself. */
  | { kind: 'spawn'; hive: IndexedHive; where: Where | undefined; bytes: number }
  | { kind: 'download'; hive: IndexedHive; where: Where; bytes: number; origin: Origin }
  /** These workers are to be ended first; then as spawn. */
  | { kind: 'evict'; hive: IndexedHive; where: Where; bytes: number; workers: readonly IndexedWorker[] }
  /** Too little is known: the hive is to be started, or its first report waited for. Then decide again. */
  | { kind: 'wake'; hive: IndexedHive }
  | { kind: 'refuse'; error: JobError };

export type PlacementOf<K extends Placement['kind']> = Extract<Placement, { kind: K }>;

/** Where a model is to be fetched from. */
export interface Origin {
  model: string;
  source: string;
  sha256: string | undefined;
}
