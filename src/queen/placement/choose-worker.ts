import { holdsContext } from '../../contract/index.ts';
import type { IndexedWorker } from './fleet-index.ts';
import { isUsableHive, isWantedDevice, type Question } from './question.ts';

/** Summary of the workers that have the model of a request. */
export interface Loaded {
  /** The best one with a free slot. */
  free: IndexedWorker | undefined;
  /** The one to wait for: loaded and full, or about to be evicted, or, when there is none, still loading. */
  next: IndexedWorker | undefined;
  isLoading: boolean;
  hasGpu: boolean;
  /** Of all loaded workers. */
  slots: number;
  /** Of the loaded workers that no earlier request waits to evict: the request gets one of these slots in turn. */
  turns: number;
}

export function lookAtWorkers(question: Question): Loaded {
  const loaded = nothing();
  for (const worker of question.fleet.workersOf(question.request.model)) {
    if (!isLargeEnough(worker, question)) continue;
    if (isUsable(worker, question) && isWantedDevice(worker, question)) note(worker, loaded, question);
  }
  return loaded;
}

/** The worker that the request names. */
export function lookAtWorker(worker: IndexedWorker, question: Question): Loaded {
  const loaded = nothing();
  if (isUsable(worker, question)) note(worker, loaded, question);
  return loaded;
}

function nothing(): Loaded {
  return { free: undefined, next: undefined, isLoading: false, hasGpu: false, slots: 0, turns: 0 };
}

export function slotsUsed({ slots_used, assigned }: IndexedWorker): number {
  return Math.max(slots_used, assigned);
}

/** Whether it is loaded: 'busy' only means that it had no free slot when it reported, and the counts are newer. */
export function isReady({ state }: IndexedWorker): boolean {
  return state === 'ready' || state === 'busy';
}

export function isUsable(worker: IndexedWorker, question: Question): boolean {
  if (!isReady(worker) && worker.state !== 'loading') return false;
  return isUsableHive(worker.hive, question) && !question.memory.spawns.isEvicted(worker);
}

/** Whether it holds the context that the request needs. */
export function isLargeEnough({ context }: IndexedWorker, { request }: Question): boolean {
  return holdsContext(context, request.context);
}

function note(worker: IndexedWorker, loaded: Loaded, question: Question): void {
  loaded.hasGpu ||= worker.worker !== 'cpu';
  if (!isReady(worker)) {
    loaded.isLoading = true;
    if (loaded.next === undefined || (!isReady(loaded.next) && worker.key < loaded.next.key)) loaded.next = worker;
    return;
  }
  loaded.slots += worker.slots;
  const isKept = isClaimed(worker, question);
  if (!isKept) loaded.turns += worker.slots;
  if (slotsUsed(worker) < worker.slots && !isKept) {
    if (loaded.free === undefined || isBetter(worker, loaded.free, question)) loaded.free = worker;
  } else if (loaded.next === undefined || isSooner(worker, loaded.next, question)) loaded.next = worker;
}

/** Whether an earlier request waits to evict it. A request that names the worker may use it as long as it exists. */
function isClaimed({ key }: IndexedWorker, { request: { worker_id, ticket = 0 }, memory: { claims } }: Question): boolean {
  return worker_id === undefined && claims.hasEarlier(key, ticket);
}

function isSooner(worker: IndexedWorker, other: IndexedWorker, question: Question): boolean {
  if (!isReady(other)) return true;
  const isKept = isClaimed(worker, question);
  return isKept === isClaimed(other, question) ? isBetter(worker, other, question) : !isKept;
}

/** The longest cached beginning of the conversation first, since that saves the most; then the remaining speed. */
function isBetter(worker: IndexedWorker, other: IndexedWorker, { request: { affinity }, memory: { speeds } }: Question): boolean {
  if (affinity !== undefined && affinity.size > 0) {
    const more = (affinity.get(worker.key) ?? 0) - (affinity.get(other.key) ?? 0);
    if (more !== 0) return more > 0;
  }
  const less = load(worker, speeds.of(worker.key)) - load(other, speeds.of(other.key));
  return less === 0 ? worker.key < other.key : less < 0;
}

/**
 * Requests, with this one, per token per second of all slots: weighted least connections. A worker of twice the speed gets twice the
 * requests, and among idle ones the fastest is first.
 */
function load(worker: IndexedWorker, speed: number): number {
  return (slotsUsed(worker) + 1) / (worker.slots * speed);
}
