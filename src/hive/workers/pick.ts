import { holdsContext } from '../../contract/index.ts';
import type { WorkerProcess } from './worker-process.ts';

/** What a request requires of a worker. */
export interface Need {
  modelPath: string;
  workerId: string | undefined;
  /** 'cpu', 'cuda', 'cuda:1', …; any when undefined. */
  device: string | undefined;
  /** Tokens that its context must hold. */
  context?: number | undefined;
  /** The request must be the only one on the worker. */
  isAlone?: boolean;
}

export function fits(worker: WorkerProcess, need: Need): boolean {
  if (need.workerId !== undefined) return worker.id === need.workerId;
  const { spec } = worker;
  const isOnDevice = need.device === undefined || need.device === spec.worker || need.device === `${spec.worker}:${spec.device}`;
  return isOnDevice && spec.modelPath === need.modelPath && holdsContext(worker.contextSize ?? spec.context, need.context);
}

/**
 * The ready worker with the most free slots, or all slots for a request that runs alone. Pure: the caller takes the slots.
 * @param isKept whether a worker is reserved for another request
 */
export function pickFree(
  workers: Iterable<WorkerProcess>,
  need: Need,
  isKept: (worker: WorkerProcess) => boolean = () => false,
): WorkerProcess | undefined {
  const best = pickLeastBusy(workers, need, isKept);
  return best === undefined || freeSlots(best) < slotsFor(need, best) ? undefined : best;
}

/** The ready worker with the most free slots, even if it has none. */
export function pickLeastBusy(
  workers: Iterable<WorkerProcess>,
  need: Need,
  isKept: (worker: WorkerProcess) => boolean,
): WorkerProcess | undefined {
  let best: WorkerProcess | undefined;
  for (const worker of workers) {
    if (worker.state.kind !== 'ready' || !fits(worker, need) || isKept(worker)) continue;
    if (best === undefined || isFreer(worker, best, need)) best = worker;
  }
  return best;
}

/** Slots that a request takes. */
export function slotsFor({ isAlone = false }: Need, { spec }: WorkerProcess): number {
  return isAlone ? spec.slots : 1;
}

/** A request that runs alone waits for all others on its worker, so it chooses the one with the fewest. */
function isFreer(one: WorkerProcess, other: WorkerProcess, { isAlone = false }: Need): boolean {
  return isAlone ? one.inFlight < other.inFlight : freeSlots(one) > freeSlots(other);
}

function freeSlots({ spec, inFlight }: WorkerProcess): number {
  return spec.slots - inFlight;
}
