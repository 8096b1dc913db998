import type { Device } from '../../contract/index.ts';
import { isFirst } from './choose-device.ts';
import { slotsUsed } from './choose-worker.ts';
import { isGpu } from './device-name.ts';
import type { IndexedHive, IndexedWorker } from './fleet-index.ts';
import { DEFAULT_SLOTS, freeBytes, heldBytes, needBytes } from './memory-need.ts';
import type { PlacementOf } from './placement.ts';
import { isOpen, isWantedDevice, type Question } from './question.ts';

interface Occupied {
  hive: IndexedHive;
  device: Device;
  /** Those that will have to end. */
  workers: IndexedWorker[];
  requests: number;
  /** Needed beside what these have. */
  bytes: number;
}

/**
 * The device that will soonest have room, once requests that run there now have ended: who is busy is never ended, so whoever
 * needs that memory waits. Undefined where the rest of the machine has it, or what somebody has pinned.
 */
export function waitForRoom(question: Question): PlacementOf<'wait'> | undefined {
  let best: Occupied | undefined;
  for (const [hive, held] of question.fleet.holdersOf(question.request.model)) {
    if (!isOpen(hive, question) || !mayBeSooner(hive, best, question)) continue;
    for (const device of hive.report?.devices ?? []) {
      if (best !== undefined && isGpu(best.device) && !isGpu(device)) continue;
      const bytes = needBytes(held, device.worker);
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

/** Undefined when the end of all of them would not be enough. */
export function occupied(
  hive: IndexedHive,
  device: Device,
  { bytes, question }: { bytes: number; question: Question },
): Occupied | undefined {
  const { underway } = question.memory;
  // What is loading for others will be idle in its turn, and who came before has what was kept for them.
  let room = freeBytes(device);
  const here: IndexedWorker[] = [];
  let one: IndexedWorker | undefined;
  let heldByAll = 0;
  for (const worker of hive.byId.values()) {
    if (worker.device !== device.device || worker.worker !== device.worker) continue;
    if (worker.state === 'exited' || worker.pinned === true) continue;
    const bytesHeld = heldBytes(worker);
    // It goes in any case.
    if (worker.state === 'stopping' || underway.isLeaving(worker)) room += bytesHeld;
    else {
      here.push(worker);
      heldByAll += bytesHeld;
    }
  }
  if (room + heldByAll < bytes) return undefined;
  if (room >= bytes) return { hive, device, workers: [], requests: 0, bytes };
  for (const worker of here) {
    if (room + heldBytes(worker) >= bytes && (one === undefined || isLessBusy(worker, one))) one = worker;
  }
  if (one !== undefined) return { hive, device, workers: [one], requests: slotsUsed(one), bytes: bytes - heldBytes(one) };
  const workers: IndexedWorker[] = [];
  let requests = 0;
  let rest = bytes;
  for (const worker of here.sort((a, b) => (isLessBusy(a, b) ? -1 : 1))) {
    if (room >= bytes) break;
    workers.push(worker);
    room += heldBytes(worker);
    rest -= heldBytes(worker);
    requests += slotsUsed(worker);
  }
  return { hive, device, workers, requests, bytes: rest };
}

function isLessBusy(a: IndexedWorker, b: IndexedWorker): boolean {
  const more = slotsUsed(a) - slotsUsed(b);
  return more === 0 ? a.key < b.key : more < 0;
}

/** The end of "waits until …". */
export function roomWords({ hive_id, room }: Pick<PlacementOf<'wait'>, 'hive_id' | 'room'>): string {
  const names = (room?.workers ?? []).map(({ worker_id, model }) => `${worker_id} (${model})`);
  if (names.length === 0) return `what others were promised on hive '${hive_id}' is done`;
  return `${names.join(' and ')} on hive '${hive_id}' ${names.length === 1 ? 'is' : 'are'} idle and can make room`;
}

/** It has slots that are free, for those who came before somebody who needs its memory. */
export function isClaimed({ worker, isLoading }: PlacementOf<'wait'>): boolean {
  return worker !== undefined && !isLoading && slotsUsed(worker) < worker.slots;
}

/** Spares a look at each device of a hive where nobody can make room, or everybody has more to do than where it was looked at already. */
function mayBeSooner(hive: IndexedHive, best: Occupied | undefined, { memory: { underway, claims } }: Question): boolean {
  if (underway.isOn(hive.hive_id)) return true;
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

function isSooner(a: Occupied, b: Occupied): boolean {
  if (isGpu(a.device) !== isGpu(b.device)) return isGpu(a.device);
  if (a.requests !== b.requests) return a.requests < b.requests;
  return isFirst(a, b);
}
