import type { Avoided } from './avoided.ts';
import type { LeaseInput, LeaseOptions } from './lease.ts';
import type { PlacementRequest } from './placement.ts';
import { prefixesOf, type Prefix } from './prefixes.ts';

/** One request on its way to a lease. */
export interface Ask {
  readonly request: PlacementRequest & { avoid: ReadonlyMap<string, string>; order: number };
  readonly avoided: Avoided;
  readonly prefixes: Prefix[];
  readonly caller: string;
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
  readonly onWait: () => void;
  /** Hives that were woken for it, and how often each had come up by then. */
  readonly woken: Map<string, number>;
}

export function newAsk(input: LeaseInput, options: LeaseOptions & { avoided: Avoided; order: number }): Ask {
  const { signal, caller = '', isAlone = false, avoided, onWait = () => undefined, order, file } = options;
  const { model, hive_id, worker_id, device, prefixes = prefixesOf(input) } = input;
  const request = { model, file, hive_id, worker_id, device, avoid: avoided.now(), ahead: 0, order };
  return { request, avoided, prefixes, caller, isAlone, signal, onWait, woken: new Map() };
}

/** The same for all that could take each other's place. */
export function keyOf({ request: { model, hive_id = '', worker_id = '', device = '', avoid } }: Ask): string {
  return [model, hive_id, worker_id, device, ...avoid.keys()].join('\n');
}

/** Whether it would have run, or could have, in a worker for this model on this hive. */
export function isFor({ request }: Ask, { model, hiveId }: { model: string; hiveId: string }): boolean {
  return request.model === model && request.worker_id === undefined && (request.hive_id ?? hiveId) === hiveId;
}
