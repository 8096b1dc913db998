import { LOCALHOST, type Device, type Model } from '../../contract/index.ts';
import { deviceName, isDevice, isGpu, type Where } from './device-name.ts';
import type { IndexedHive } from './fleet-index.ts';
import { freeBytes } from './device-memory.ts';
import type { PlacementOf } from './placement.ts';
import { isUsableHive, isWantedDevice, needBytes, type Question } from './question.ts';
import type { Loaded } from './choose-worker.ts';

/** Kept free on a disk after a download. */
const DISK_SPARE_BYTES = 1_000_000_000;

interface Room {
  hive: IndexedHive;
  device: Device;
  bytes: number;
  leftBytes: number;
  sharedBy: number;
}

/** A device with free memory, on a hive that has the model on disk. */
export function chooseDevice(question: Question, loaded: Loaded): PlacementOf<'spawn'> | undefined {
  let best: Room | undefined;
  for (const [hive, model] of question.holders) {
    if (isUsableHive(hive, question)) best = bestFit(best, { hive, model, loaded, question });
  }
  return best && { kind: 'spawn', hive: best.hive, where: best.device, bytes: best.bytes };
}

/** A device with free memory, on a hive that could download the model. */
export function chooseDownload(question: Question, loaded: Loaded): PlacementOf<'download'> | undefined {
  const origin = originOf(question);
  if (origin === undefined) return undefined;
  const holders = question.holders;
  let best: Room | undefined;
  for (const hive of question.fleet.hives) {
    if (!isUsableHive(hive, question) || holders.has(hive) || !hasDiskFor(hive, origin.size_bytes)) continue;
    best = bestFit(best, { hive, model: origin, loaded, question });
  }
  if (best === undefined) return undefined;
  const { model, source, sha256, revision } = origin;
  const { hive, device: where, bytes } = best;
  return { kind: 'download', hive, where, bytes, origin: { model, source: atRevision(source, revision), sha256 } };
}

/** The model as reported by a hive that downloaded it from a URL which other machines can use too. */
export function originOf({ holders }: Question): Model | undefined {
  let first: { hiveId: string; model: Model } | undefined;
  for (const [{ hive_id: hiveId }, model] of holders) {
    if (isFetchable(model.source) && (first === undefined || hiveId < first.hiveId)) first = { hiveId, model };
  }
  return first?.model;
}

/** A stored source has no credentials, and a digest in place of its query: then it cannot be downloaded again. */
function isFetchable(source: string): boolean {
  return source.startsWith(HUB) || (/^https?:\/\//.test(source) && !/\?sha256=[0-9a-f]{32}$/.test(source));
}

const HUB = 'hf:';

/** The same files as on the other hive, also when the repository has new ones. */
function atRevision(source: string, revision: string | undefined): string {
  return source.startsWith(HUB) && revision !== undefined ? `${source}@${revision}` : source;
}

export function hasDiskFor({ report }: IndexedHive, sizeBytes: number): boolean {
  return report !== undefined && report.disk_free_bytes >= sizeBytes + DISK_SPARE_BYTES;
}

/** Memory for a new worker: what is free, less what the queen has promised since the report and what earlier requests wait for. */
export function availableBytes({ hive_id }: IndexedHive, device: Device, { request, memory }: Question): number {
  const { spawns, claims } = memory;
  const promised = spawns.size === 0 ? 0 : spawns.bytesOn(hive_id, device);
  const kept = claims.size === 0 ? 0 : claims.earlierBytes(hive_id, device, request.ticket ?? 0);
  return freeBytes(device) - promised - Math.max(0, kept);
}

/**
 * Whether one more worker with the model would help there. A second one on the same device shares its compute, and one on a CPU beside
 * one on a GPU is so much slower that waiting is better.
 */
export function isWorthSpawning(hive: IndexedHive, where: Where, { loaded, model }: { loaded: Loaded; model: string }): boolean {
  if (loaded.slots === 0) return true;
  if (loaded.hasGpu && !isGpu(where)) return false;
  for (const worker of hive.byId.values()) {
    if (worker.model === model && worker.state !== 'exited' && isDevice(where, worker)) return false;
  }
  return true;
}

interface Look {
  hive: IndexedHive;
  model: Model;
  loaded: Loaded;
  question: Question;
}

function bestFit(best: Room | undefined, { hive, model, loaded, question }: Look): Room | undefined {
  let chosen = best;
  for (const device of hive.report?.devices ?? []) {
    const bytes = needBytes(model, device, question);
    const leftBytes = availableBytes(hive, device, question) - bytes;
    if (leftBytes < 0 || device.usable === false || !isWantedDevice(device, question)) continue;
    if (loaded.slots > 0 && !isWorthSpawning(hive, device, { loaded, model: question.request.model })) continue;
    const room = { hive, device, bytes, leftBytes, sharedBy: workersOn(hive, device, question) };
    if (chosen === undefined || isBetter(room, chosen)) chosen = room;
  }
  return chosen;
}

function workersOn(hive: IndexedHive, device: Device, { memory: { spawns } }: Question): number {
  let count = spawns.size === 0 ? 0 : spawns.countOn(hive.hive_id, device);
  for (const worker of hive.byId.values()) {
    if (worker.state !== 'exited' && worker.worker === device.worker && worker.device === device.device) count += 1;
  }
  return count;
}

/**
 * A GPU before a CPU: it is faster by ten or more. Then the device with the fewest workers: free memory is useless where the cores are
 * busy. Among CPUs the one with the most cores. Then the tightest fit, so that the largest device stays free for a large model. Then this
 * machine, which needs no network.
 */
function isBetter(a: Room, b: Room): boolean {
  if (isGpu(a.device) !== isGpu(b.device)) return isGpu(a.device);
  if (a.sharedBy !== b.sharedBy) return a.sharedBy < b.sharedBy;
  const cores = isGpu(a.device) ? 0 : (a.device.cores ?? 0) - (b.device.cores ?? 0);
  if (cores !== 0) return cores > 0;
  if (a.leftBytes !== b.leftBytes) return a.leftBytes < b.leftBytes;
  return isFirst(a, b);
}

/** Independent of the order in which the hives are known. */
export function isFirst(a: { hive: IndexedHive; device: Device }, b: { hive: IndexedHive; device: Device }): boolean {
  if (a.hive === b.hive) return deviceName(a.device) < deviceName(b.device);
  if (a.hive.hive_id === LOCALHOST || b.hive.hive_id === LOCALHOST) return a.hive.hive_id === LOCALHOST;
  return a.hive.hive_id < b.hive.hive_id;
}
