import type { JobError } from '../../contract/index.ts';
import type { LeaseInput, LeaseOptions } from './lease.ts';
import type { PlacementRequest } from './placement.ts';
import { prefixesOf, type Prefix } from './prefixes.ts';

/** One request on its way to a lease. */
export interface Ask {
  readonly request: PlacementRequest & { avoid: Map<string, string>; order: number };
  readonly prefixes: Prefix[];
  readonly caller: string;
  readonly signal: AbortSignal;
  readonly onWait: () => void;
  /** Hives that were woken for it. */
  readonly woken: Set<string>;
  /** What has gone wrong where it was tried: says more than that nothing is left. */
  failure: JobError | undefined;
}

export function newAsk(input: LeaseInput, options: LeaseOptions & { order: number }): Ask {
  const { signal, caller = '', avoid, onWait = () => undefined, order, file } = options;
  const { model, hive_id, worker_id, device } = input;
  const request = { model, file, hive_id, worker_id, device, avoid: new Map(avoid), ahead: 0, order };
  return { request, prefixes: prefixesOf(input), caller, signal, onWait, woken: new Set(), failure: undefined };
}

/** The same for all that could take each other's place. */
export function keyOf({ request: { model, hive_id = '', worker_id = '', device = '', avoid } }: Ask): string {
  return [model, hive_id, worker_id, device, ...avoid.keys()].join('\n');
}

/** Whether it would have run, or could have, in a worker for this model on this hive. */
export function isFor({ request }: Ask, { model, hiveId }: { model: string; hiveId: string }): boolean {
  return request.model === model && request.worker_id === undefined && (request.hive_id ?? hiveId) === hiveId;
}
