import { shapeFor } from '../../contract/index.ts';
import type { FailedHives } from './failed-hives.ts';
import type { ReservationInput, ReservationOptions } from './reservation.ts';
import type { PlacementRequest } from './placement.ts';
import { prefixesOf, type Prefix } from './prefixes.ts';

/** A request from its arrival to its reservation. */
export interface PendingRequest {
  readonly request: PlacementRequest & { failedHives: ReadonlyMap<string, string>; ticket: number };
  readonly failedHives: FailedHives;
  readonly prefixes: Prefix[];
  readonly caller: string;
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
  readonly onWait: () => void;
  /** Hives that were started for it, and how often each had come up by then. */
  readonly woken: Map<string, number>;
}

export function pendingRequest(
  input: ReservationInput,
  options: ReservationOptions & { failedHives: FailedHives; ticket: number },
): PendingRequest {
  const { signal, caller = '', isAlone = false, failedHives, onWait = () => undefined, ticket, file } = options;
  const { model, hive_id, worker_id, device, context, slots, prefixes = prefixesOf(input) } = input;
  const wish = { hive_id, worker_id, device, context, slots };
  const request = { model, file, ...wish, failedHives: failedHives.now(), ahead: 0, ticket };
  return { request, failedHives, prefixes, caller, isAlone, signal, onWait, woken: new Map() };
}

/** Equal for requests that can run at the same places: they wait in one line. */
export function queueKeyOf({
  request: { model, hive_id = '', worker_id = '', device = '', context, slots, failedHives },
}: PendingRequest): string {
  return [model, hive_id, worker_id, device, context ?? '', slots ?? '', ...failedHives.keys()].join('\n');
}

interface NewWorker {
  model: string;
  hiveId: string;
  /** The default when undefined. */
  context: number | undefined;
}

/** Whether the request could run on a new worker for this model on this hive. */
export function isFor({ request }: PendingRequest, { model, hiveId, context }: NewWorker): boolean {
  // A larger one may fail where a smaller one is started.
  if (shapeFor(request).context !== context) return false;
  return request.model === model && request.worker_id === undefined && (request.hive_id ?? hiveId) === hiveId;
}
