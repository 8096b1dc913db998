import { formatBytes, JobError } from '../../contract/index.ts';
import { chooseEvictions } from './choose-evictions.ts';
import { bytesOf, extraBytes, roomOn, sharersOf, type Reading, type Room } from './ledger.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

/** The memory of a hive and the workers that use it. */
export interface HiveLoad {
  workers: readonly WorkerProcess[];
  reading: Reading;
}

export interface Admission {
  /** Idle workers to stop for it. */
  evict: WorkerProcess[];
  /** Workers that are already stopping, whose memory it needs. */
  after: WorkerProcess[];
}

/**
 * Whether one more worker fits on its device beside those that are loaded, loading or stopping.
 * A worker of unknown need is admitted: it checks the free memory itself before it loads.
 * @throws JobError model_too_large when it never fits, no_room when it does not fit now
 */
export function admit(spec: WorkerSpec, { workers, reading }: HiveLoad, { mayEvict }: { mayEvict: boolean }): Admission {
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
  const sentence = `${needs} and ${nameOf(spec)} has ${formatBytes(totalBytes)} in all`;
  return new JobError('model_too_large', sentence);
}

interface Refusal {
  room: Room;
  needBytes: number;
  here: readonly WorkerProcess[];
  /** Workers that could be stopped for it. */
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
    return `Stopping ${names}, which ${evict.length === 1 ? 'is' : 'are'} idle, would free enough memory: rbee worker delete ${evict.map(({ id }) => id).join(' && rbee worker delete ')}`;
  }
  if (here.every(({ state }) => state.kind === 'exited')) {
    return 'Other programs on the machine use the rest. Choose a smaller model, fewer slots or a smaller context.';
  }
  const ready = here.filter(({ state }) => state.kind === 'ready');
  const pinned = ready.filter(({ spec }) => spec.pinned).length;
  const busy = ready.filter(({ spec, inFlight }) => !spec.pinned && inFlight > 0).length;
  const loading = here.filter(({ state }) => state.kind === 'loading').length;
  const counts = [`${busy} busy`, `${pinned} pinned`, `${loading} loading`].filter((each) => !each.startsWith('0 '));
  const there = counts.length === 0 ? '' : ` (${counts.join(', ')})`;
  return `Stopping its idle workers would not free enough memory${there}.`;
}

function shapeOf({ slots, context }: WorkerSpec): string {
  return `${slots} slot${slots === 1 ? '' : 's'}${context === undefined ? '' : ` of ${context} tokens`}`;
}

function nameOf({ worker, device }: WorkerSpec): string {
  return `${worker}:${device}`;
}
