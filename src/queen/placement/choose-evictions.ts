import type { Device } from '../../contract/index.ts';
import { isDevice, isGpu } from './device-name.ts';
import { isFirst, isWorthSpawning, availableBytes } from './choose-device.ts';
import { slotsUsed, type Loaded } from './choose-worker.ts';
import type { IndexedHive, IndexedWorker } from './fleet-index.ts';
import { heldBytes } from './device-memory.ts';
import type { PlacementOf } from './placement.ts';
import { isUsableHive, isWantedDevice, needBytes, type Question } from './question.ts';

/** A model that merely needs more slots may evict another model only when that was unused for this long. */
const LONG_UNUSED_MS = 60_000;

interface Eviction {
  hive: IndexedHive;
  device: Device;
  bytes: number;
  /** The longest unused first. */
  workers: IndexedWorker[];
}

/** A device of a hive that has the model on disk, and the fewest workers to evict for it. */
export function chooseEvictions(question: Question, loaded: Loaded): PlacementOf<'evict'> | undefined {
  const { model } = question.request;
  let best: Eviction | undefined;
  for (const [hive, held] of question.holders) {
    if (!isUsableHive(hive, question) || !hasIdle(hive, question)) continue;
    for (const device of hive.report?.devices ?? []) {
      const bytes = needBytes(held, device, question);
      if (device.usable === false || device.memory_bytes < bytes || !isWantedDevice(device, question)) continue;
      if (!isWorthSpawning(hive, device, { loaded, model })) continue;
      const workers = evictable(hive, device, { bytes, isMore: loaded.slots > 0, question });
      if (workers === undefined) continue;
      const found = { hive, device, bytes, workers };
      if (best === undefined || isBetter(found, best)) best = found;
    }
  }
  return best && { kind: 'evict', hive: best.hive, where: best.device, bytes: best.bytes, workers: best.workers };
}

/** Undefined when even all of them would not free enough. */
export function evictable(
  hive: IndexedHive,
  device: Device,
  { bytes, isMore, question }: { bytes: number; isMore: boolean; question: Question },
): IndexedWorker[] | undefined {
  const { now = 0 } = question.request;
  let room = availableBytes(hive, device, question);
  const idle: IndexedWorker[] = [];
  for (const worker of hive.byId.values()) {
    if (!isDevice(device, worker) || !isIdle(worker, question)) continue;
    if (!isMore || now - lastUsedMs(worker) >= LONG_UNUSED_MS) idle.push(worker);
  }
  idle.sort((a, b) => lastUsedMs(a) - lastUsedMs(b) || (a.key < b.key ? -1 : 1));
  const ended: IndexedWorker[] = [];
  for (const worker of idle) {
    if (room >= bytes) break;
    ended.push(worker);
    room += heldBytes(worker);
  }
  if (room < bytes) return undefined;
  // Spares workers that turned out not to be needed, the one used last first.
  return ended
    .toReversed()
    .filter((worker) => {
      if (room - heldBytes(worker) < bytes) return true;
      room -= heldBytes(worker);
      return false;
    })
    .reverse();
}

/** Most hives of a full fleet have no idle worker: this saves looking at each of their devices. */
function hasIdle(hive: IndexedHive, question: Question): boolean {
  for (const worker of hive.byId.values()) if (isIdle(worker, question)) return true;
  return false;
}

/** No request runs or is assigned there, it is not pinned, and no earlier request waits for its memory. */
function isIdle(worker: IndexedWorker, { request: { ticket = 0 }, memory: { spawns, claims } }: Question): boolean {
  if (worker.state !== 'ready' || slotsUsed(worker) > 0 || worker.pinned === true) return false;
  return !spawns.isEvicted(worker) && !claims.hasEarlier(worker.key, ticket);
}

function lastUsedMs({ last_used_at, started_at }: IndexedWorker): number {
  return Date.parse(last_used_at ?? started_at);
}

/** A GPU before a CPU, fewer evictions before more, and the longest unused first. */
function isBetter(a: Eviction, b: Eviction): boolean {
  if (isGpu(a.device) !== isGpu(b.device)) return isGpu(a.device);
  if (a.workers.length !== b.workers.length) return a.workers.length < b.workers.length;
  const [lastOfA, lastOfB] = [a, b].map(({ workers }) => Math.max(...workers.map(lastUsedMs)));
  if (lastOfA !== undefined && lastOfB !== undefined && lastOfA !== lastOfB) return lastOfA < lastOfB;
  return isFirst(a, b);
}
