import type { WorkerProcess } from './worker-process.ts';

/** What a request needs of a worker. */
export interface Need {
  modelPath: string;
  workerId: string | undefined;
  /** 'cpu', 'cuda', 'cuda:1', …; any when undefined. */
  device: string | undefined;
}

export function fits(worker: WorkerProcess, need: Need): boolean {
  if (need.workerId !== undefined) return worker.id === need.workerId;
  const { spec } = worker;
  const isOnDevice = need.device === undefined || need.device === spec.worker || need.device === `${spec.worker}:${spec.device}`;
  return isOnDevice && spec.modelPath === need.modelPath;
}

/** The ready worker with the most free slots. Pure: whoever calls this acts on it. */
export function pickFree(workers: Iterable<WorkerProcess>, need: Need): WorkerProcess | undefined {
  let best: WorkerProcess | undefined;
  for (const worker of workers) {
    if (worker.state.kind !== 'ready' || !fits(worker, need) || freeSlots(worker) <= 0) continue;
    if (best === undefined || freeSlots(worker) > freeSlots(best)) best = worker;
  }
  return best;
}

function freeSlots({ spec, inFlight }: WorkerProcess): number {
  return spec.slots - inFlight;
}
