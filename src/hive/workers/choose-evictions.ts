import { bytesOf } from './ledger.ts';
import type { WorkerProcess } from './worker-process.ts';

/**
 * The workers to end so that a need fits: idle and not pinned, least recently used first, and only those without which it
 * would not. None when even all of them would not be enough. Pure: whoever calls this acts on it.
 * @param workers those of one device
 */
export function chooseEvictions(workers: readonly WorkerProcess[], needBytes: number, freeBytes: number): WorkerProcess[] {
  const isEnough = (ended: readonly WorkerProcess[]) => freeBytes + bytesOf(ended, workers) >= needBytes;
  const idle = workers.filter(mayBeEnded).toSorted((a, b) => a.usedMs - b.usedMs);
  const count = idle.findIndex((_, index) => isEnough(idle.slice(0, index + 1))) + 1;
  let chosen = isEnough([]) ? [] : idle.slice(0, count);
  // A small one that was used long ago may be in it, though a large one after it is enough alone.
  for (const each of chosen.toReversed()) {
    const others = chosen.filter((other) => other !== each);
    if (isEnough(others)) chosen = others;
  }
  return chosen;
}

/** Nobody computes there, and nobody waits for it to be ready. */
export function mayBeEnded({ state, inFlight, awaited, spec }: WorkerProcess): boolean {
  return state.kind === 'ready' && inFlight === 0 && awaited === 0 && !spec.pinned;
}
