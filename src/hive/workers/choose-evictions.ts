import { bytesOf } from './ledger.ts';
import type { WorkerProcess } from './worker-process.ts';

/**
 * The workers to stop so that a need fits: idle and not pinned, least recently used first, and no more than necessary.
 * None when even all of them would not be enough. Pure: the caller stops them.
 * @param workers those of one device
 */
export function chooseEvictions(workers: readonly WorkerProcess[], needBytes: number, freeBytes: number): WorkerProcess[] {
  const isEnough = (ended: readonly WorkerProcess[]) => freeBytes + bytesOf(ended, workers) >= needBytes;
  const idle = workers.filter(isEvictable).toSorted((a, b) => a.usedMs - b.usedMs);
  const count = idle.findIndex((_, index) => isEnough(idle.slice(0, index + 1))) + 1;
  let chosen = isEnough([]) ? [] : idle.slice(0, count);
  // The first ones may be superfluous where a large one after them is enough alone.
  for (const each of chosen.toReversed()) {
    const others = chosen.filter((other) => other !== each);
    if (isEnough(others)) chosen = others;
  }
  return chosen;
}

/** No request runs there, and none waits for it to be ready. */
export function isEvictable({ state, inFlight, awaited, spec }: WorkerProcess): boolean {
  return state.kind === 'ready' && inFlight === 0 && awaited === 0 && !spec.pinned;
}
