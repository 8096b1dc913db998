import { JobError, scopeOf, type ErrorScope, type InputOf, type Model } from '../../contract/index.ts';
import type { FailedHives } from './failed-hives.ts';
import { deviceName } from './device-name.ts';
import type { Placement, PlacementOf } from './placement.ts';
import type { Prefix } from './prefixes.ts';

/** What of an infer request its place depends on. */
export interface ReservationInput extends Pick<
  InputOf<'infer'>,
  'model' | 'hive_id' | 'worker_id' | 'device' | 'prompt' | 'messages'
> {
  /** From `prefixesOf`, for one whose prompt is not at hand. */
  prefixes?: Prefix[];
}

export interface ReservationOptions {
  signal: AbortSignal;
  /** Told when the request begins to wait: until then it has been nowhere but here. */
  onWait?: () => void;
  /** Who asks, for taking turns. Left out, as it is as long as requests do not say whose they are: first come, first served. */
  caller?: string;
  /** From `Dispatcher.turn`, for a request that asks more than once; left out, it comes after all who have asked by now. */
  ticket?: number;
  /** For the path of a file: see PlacementRequest. */
  file?: Model | undefined;
  /** Hives that have failed this request already, and how; left out, none has. */
  failedHives?: FailedHives;
  /** It gets all slots of its worker. */
  isAlone?: boolean;
}

/** What there is to do for a request that need not wait any more. */
export type Taken = PlacementOf<'worker' | 'spawn' | 'download' | 'evict'>;

/** The right to run a request somewhere, until `release`. */
export interface Reservation {
  readonly hive_id: string;
  /** What the request becomes for its hive. */
  readonly patch: { hive_id: string; worker_id?: string; device?: string };
  /** download and evict say what the holder of the lease has to have done on the hive first. */
  readonly placement: Taken;
  /** Once; later calls do nothing. */
  release(outcome?: Outcome): void;
}

/** How a request has ended, for what there is to learn from it. */
export interface Outcome {
  /** The worker that has answered. */
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
