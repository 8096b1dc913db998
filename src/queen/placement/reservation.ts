import { JobError, scopeOf, type ErrorScope, type InputOf, type Model } from '../../contract/index.ts';
import type { FailedHives } from './failed-hives.ts';
import { deviceName } from './device-name.ts';
import type { Placement, PlacementOf } from './placement.ts';
import type { Prefix } from './prefixes.ts';

/** The fields of an infer request on which its place depends. */
export interface ReservationInput extends Pick<
  InputOf<'infer'>,
  'model' | 'hive_id' | 'worker_id' | 'device' | 'context' | 'slots' | 'prompt' | 'messages'
> {
  /** From `prefixesOf`, for a request whose prompt is on disk. */
  prefixes?: Prefix[];
}

export interface ReservationOptions {
  signal: AbortSignal;
  /** Called when the request starts to wait. Until then it exists only in memory. */
  onWait?: () => void;
  /** The client, for fair turns among clients. Undefined as long as requests carry no client: then first come, first served. */
  caller?: string;
  /** From `Dispatcher.takeTicket`, for a request that is placed more than once; by default it comes after all requests so far. */
  ticket?: number;
  /** For the path of a file: see PlacementRequest. */
  file?: Model | undefined;
  /** Hives that have already failed this request; none by default. */
  failedHives?: FailedHives;
  /** It needs all slots of its worker. */
  isAlone?: boolean;
}

/** A decision with which a request need not wait. */
export type Taken = PlacementOf<'worker' | 'spawn' | 'download' | 'evict'>;

/** The right to run a request at a place, until `release`. */
export interface Reservation {
  readonly hive_id: string;
  /** Fields to set in the request for its hive. */
  readonly patch: { hive_id: string; worker_id?: string; device?: string };
  /** download and evict name what the caller has to do on the hive first. */
  readonly placement: Taken;
  /** Effective once; later calls do nothing. */
  release(outcome?: Outcome): void;
}

/** How a request ended, from which the dispatcher learns. */
export interface Outcome {
  /** The worker that answered. */
  worker_id?: string;
  tokens_per_s?: number;
  error?: unknown;
}

export function isTaken(placement: Placement): placement is Taken {
  const { kind } = placement;
  return kind === 'worker' || kind === 'spawn' || kind === 'download' || kind === 'evict';
}

export function patchOf(placement: Taken): Reservation['patch'] {
  if (placement.kind === 'worker') {
    const { hive_id, worker_id } = placement.worker;
    return { hive_id, worker_id };
  }
  const { hive, where } = placement;
  return { hive_id: hive.hive_id, ...(where === undefined ? {} : { device: deviceName(where) }) };
}

const OF_START: ReadonlySet<ErrorScope> = new Set<ErrorScope>(['name', 'model', 'machine']);

/** Whether the model cannot be loaded on that hive, so that every request that waits for the same worker would fail too. */
export function isFailedStart(error: unknown): error is JobError {
  return error instanceof JobError && OF_START.has(scopeOf(error.code));
}
