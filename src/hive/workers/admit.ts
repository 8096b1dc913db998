import { formatBytes, JobError } from '../../contract/index.ts';
import { chooseEvictions } from './choose-evictions.ts';
import { bytesOf, extraBytes, roomOn, sharersOf, type Reading, type Room } from './ledger.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

export interface Fleet {
  workers: readonly WorkerProcess[];
  reading: Reading;
}

export interface Admission {
  /** Idle workers to end for it. */
  evict: WorkerProcess[];
  /** Workers that are ending already, whose memory it needs. */
  after: WorkerProcess[];
}

/**
 * Whether one more worker fits on its device beside those that are there, are loading, or are about to go.
 * What is not known to need anything fits: the worker looks for itself before it loads.
 * @throws JobError model_too_large when it never will, no_room when it does not now
 */
export function admit(spec: WorkerSpec, { workers, reading }: Fleet, { mayEvict }: { mayEvict: boolean }): Admission {
  const room = roomOn(spec, workers, reading);
  if (spec.need === undefined || room === undefined) return { evict: [], after: [] };
  const here = sharersOf(spec, workers, reading);
  const needBytes = extraBytes(spec, workers, reading);
  if (spec.need.bytes > room.totalBytes) throw tooLarge(spec, room);
  const freeBytes = room.freeBytes - room.promisedBytes;
  if (needBytes <= freeBytes) return { evict: [], after: [] };
  const after = here.filter(({ state }) => state.kind === 'stopping');
  const soonBytes = freeBytes + bytesOf(after, here);
  if (needBytes <= soonBytes) return { evict: [], after };
  const evict = chooseEvictions(here, needBytes, soonBytes);
  if (mayEvict && evict.length > 0) return { evict, after };
  throw noRoom(spec, { room, needBytes, here, evict });
}

function tooLarge(spec: WorkerSpec, { totalBytes }: Room): JobError {
  const needs = `${spec.model} needs about ${formatBytes(spec.need?.bytes ?? 0)} (${shapeOf(spec)})`;
  const sentence = `${needs} and ${nameOf(spec)} has ${formatBytes(totalBytes)} in all. Choose a smaller model, fewer slots or a smaller context.`;
  return new JobError('model_too_large', sentence);
}

interface Refusal {
  room: Room;
  needBytes: number;
  here: readonly WorkerProcess[];
  /** What could be ended to make room. */
  evict: readonly WorkerProcess[];
}

function noRoom(spec: WorkerSpec, { room, needBytes, here, evict }: Refusal): JobError {
  const { freeBytes, promisedBytes } = room;
  const promised = promisedBytes === 0 ? '' : `, of which ${formatBytes(promisedBytes)} are promised to workers that are loading`;
  const needs = `${spec.model} needs about ${formatBytes(needBytes)} more (${shapeOf(spec)})`;
  const sentence = `${needs}, and ${formatBytes(freeBytes)} are free on ${nameOf(spec)}${promised}. ${whatHelps(here, evict)}`;
  return new JobError('no_room', sentence);
}

function whatHelps(here: readonly WorkerProcess[], evict: readonly WorkerProcess[]): string {
  if (evict.length > 0) {
    const names = evict.map(({ id, spec }) => `${id} (${spec.model})`).join(' and ');
    return `Ending ${names}, idle now, would make room: rbee worker delete ${evict[0]?.id}`;
  }
  if (here.every(({ state }) => state.kind === 'exited')) {
    return 'Something else on the machine has the rest; or choose a smaller model, fewer slots or a smaller context.';
  }
  const ready = here.filter(({ state }) => state.kind === 'ready');
  const pinned = ready.filter(({ spec }) => spec.pinned).length;
  const busy = ready.filter(({ spec, inFlight }) => !spec.pinned && inFlight > 0).length;
  const loading = here.filter(({ state }) => state.kind === 'loading').length;
  const counts = [`${busy} busy`, `${pinned} pinned`, `${loading} loading`].filter((each) => !each.startsWith('0 '));
  const there = counts.length === 0 ? '' : ` (${counts.join(', ')})`;
  return `Ending its idle workers would not make enough room${there}.`;
}

function shapeOf({ slots, context }: WorkerSpec): string {
  return `${slots} slot${slots === 1 ? '' : 's'}${context === undefined ? '' : ` of ${context} tokens`}`;
}

function nameOf({ worker, device }: WorkerSpec): string {
  return `${worker}:${device}`;
}
