import { DEFAULT_SLOTS, type Device } from '../../contract/index.ts';
import { isFirst } from './choose-device.ts';
import { slotsUsed } from './choose-worker.ts';
import { isGpu } from './device-name.ts';
import type { IndexedHive, IndexedWorker } from './fleet-index.ts';
import { freeBytes, heldBytes } from './device-memory.ts';
import type { PlacementOf } from './placement.ts';
import { isUsableHive, isWantedDevice, needBytes, type Question } from './question.ts';

interface BusyDevice {
  hive: IndexedHive;
  device: Device;
  /** The workers that will have to stop. */
  workers: IndexedWorker[];
  requests: number;
  /** Needed beyond the memory of these workers. */
  bytes: number;
}

/**
 * The device that will have enough memory soonest, once its current requests have ended: a busy worker is never evicted, so the request
 * waits. Undefined when other programs or pinned workers use the memory.
 */
export function waitForMemory(question: Question): PlacementOf<'wait'> | undefined {
  let best: BusyDevice | undefined;
  for (const [hive, held] of question.holders) {
    if (!isUsableHive(hive, question) || !mayBeSooner(hive, best, question)) continue;
    for (const device of hive.report?.devices ?? []) {
      if (best !== undefined && isGpu(best.device) && !isGpu(device)) continue;
      const bytes = needBytes(held, device, question);
      if (device.usable === false || device.memory_bytes < bytes || !isWantedDevice(device, question)) continue;
      const found = occupied(hive, device, { bytes, question });
      if (found !== undefined && (best === undefined || isSooner(found, best))) best = found;
    }
  }
  if (best === undefined) return undefined;
  const { hive, device: where, workers, bytes } = best;
  const { hive_id } = hive;
  return { kind: 'wait', hive_id, worker: undefined, slots: DEFAULT_SLOTS, isLoading: false, room: { where, workers, bytes } };
}

/** Undefined when the end of all of them would not free enough. */
export function occupied(
  hive: IndexedHive,
  device: Device,
  { bytes, question }: { bytes: number; question: Question },
): BusyDevice | undefined {
  const { spawns } = question.memory;
  // Workers that are loading will be idle in turn, and earlier requests have their claims.
  let room = freeBytes(device);
  const here: IndexedWorker[] = [];
  for (const worker of hive.byId.values()) {
    if (worker.device !== device.device || worker.worker !== device.worker) continue;
    if (worker.state === 'exited' || worker.pinned === true) continue;
    // It frees its memory in any case.
    if (worker.state === 'stopping' || spawns.isEvicted(worker)) room += heldBytes(worker);
    else here.push(worker);
  }
  if (room + heldByAll(here) < bytes) return undefined;
  const workers = workersToWaitFor(here, bytes - room);
  let requests = 0;
  for (const worker of workers) requests += slotsUsed(worker);
  return { hive, device, workers, requests, bytes: bytes - heldByAll(workers) };
}

/** The least busy worker that is enough alone, or else the least busy ones that are enough together. */
function workersToWaitFor(here: readonly IndexedWorker[], neededBytes: number): IndexedWorker[] {
  if (neededBytes <= 0) return [];
  let one: IndexedWorker | undefined;
  for (const worker of here) {
    if (heldBytes(worker) >= neededBytes && (one === undefined || isLessBusy(worker, one))) one = worker;
  }
  if (one !== undefined) return [one];
  const sorted = here.toSorted((a, b) => (isLessBusy(a, b) ? -1 : 1));
  let held = 0;
  const last = sorted.findIndex((worker) => (held += heldBytes(worker)) >= neededBytes);
  return sorted.slice(0, last + 1);
}

function heldByAll(workers: readonly IndexedWorker[]): number {
  let bytes = 0;
  for (const worker of workers) bytes += heldBytes(worker);
  return bytes;
}

function isLessBusy(a: IndexedWorker, b: IndexedWorker): boolean {
  const more = slotsUsed(a) - slotsUsed(b);
  return more === 0 ? a.key < b.key : more < 0;
}

/** Completes "waits until …". */
export function memoryWaitWords({ hive_id, room }: Pick<PlacementOf<'wait'>, 'hive_id' | 'room'>): string {
  const names = (room?.workers ?? []).map(({ worker_id, model }) => `${worker_id} (${model})`);
  if (names.length === 0) return `earlier requests on hive '${hive_id}' have ended`;
  return `${names.join(' and ')} on hive '${hive_id}' ${names.length === 1 ? 'is' : 'are'} idle and can be evicted`;
}

/** Whether its free slots are kept for earlier requests than one that waits to evict it. */
export function isClaimed({ worker, isLoading }: PlacementOf<'wait'>): boolean {
  return worker !== undefined && !isLoading && slotsUsed(worker) < worker.slots;
}

/** Skips hives where no worker can be evicted, or all have more requests than the best device so far. */
function mayBeSooner(hive: IndexedHive, best: BusyDevice | undefined, { memory: { spawns, claims } }: Question): boolean {
  if (spawns.isOn(hive.hive_id)) return true;
  let least = Infinity;
  for (const worker of hive.byId.values()) {
    if (worker.state === 'exited' || worker.pinned === true) continue;
    const requests = worker.state === 'stopping' ? 0 : slotsUsed(worker);
    if (requests < least) least = requests;
  }
  if (least === Infinity) return claims.size > 0;
  if (best === undefined || !isGpu(best.device)) return true;
  return least < best.requests || (least === best.requests && isFirst({ hive, device: best.device }, best));
}

function isSooner(a: BusyDevice, b: BusyDevice): boolean {
  if (isGpu(a.device) !== isGpu(b.device)) return isGpu(a.device);
  if (a.requests !== b.requests) return a.requests < b.requests;
  return isFirst(a, b);
}
