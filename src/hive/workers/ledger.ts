import type { Device } from '../../contract/index.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

/**
 * What the machine said of its memory, and which workers were still loading when it was asked: what such a worker has taken
 * since is in no figure, so its promise holds for this reading also when it has become ready by the time it is used.
 */
export interface Reading {
  devices: readonly Device[];
  loading: ReadonlySet<WorkerProcess>;
  /** Bytes that a worker on the CPU has of its own, which the free figure has lost already. */
  ownBytes: ReadonlyMap<WorkerProcess, number>;
}

export interface Room {
  totalBytes: number;
  /** What a program could get without anybody losing something. */
  freeBytes: number;
  /** Of these, those that workers are going to take that are still loading. The whole need of each, also of what it has taken by now. */
  promisedBytes: number;
}

type Place = Pick<WorkerSpec, 'worker' | 'device'>;

function isOn({ spec }: WorkerProcess, { worker, device }: Place): boolean {
  return spec.worker === worker && spec.device === device;
}

/** The workers that take of the same memory: those on the device, and where a GPU has none of its own, those on the CPU too. */
export function sharersOf(place: Place, workers: readonly WorkerProcess[], { devices }: Reading): WorkerProcess[] {
  const isOfMachine = ({ worker, device }: Place) =>
    worker === 'cpu' || devices.some((each) => each.worker === worker && each.device === device && each.unified === true);
  return workers.filter((each) => isOn(each, place) || (isOfMachine(place) && isOfMachine(each.spec)));
}

/**
 * The room of a device. Undefined for one that the machine does not tell of.
 *
 * Weights on a CPU are a mapped file: page cache, which the kernel calls available although the worker needs them at every
 * token. So what a worker needs and does not have as memory of its own is taken off what is free, once for all workers of
 * one file. (Some kinds of weights are copied when they are loaded; then the worker has it all as its own, and nothing is
 * taken off.)
 */
export function roomOn(place: Place, workers: readonly WorkerProcess[], reading: Reading): Room | undefined {
  const found = reading.devices.find(({ worker, device }) => worker === place.worker && device === place.device);
  if (found === undefined) return undefined;
  const here = sharersOf(place, workers, reading);
  const mapped = mappedBytes(here, reading);
  const promised = new Map<string, number>(); // Weights by their file.
  let ownBytes = 0;
  for (const worker of here) {
    const { need, modelPath, worker: kind } = worker.spec;
    if (need === undefined || !isLoading(worker, reading)) continue;
    const weightsBytes = kind === 'cpu' ? need.weightsBytes : 0;
    ownBytes += need.bytes - weightsBytes;
    if (kind === 'cpu') promised.set(modelPath, Math.max(0, weightsBytes - (mapped.get(modelPath) ?? 0)));
  }
  return {
    totalBytes: found.memory_bytes,
    freeBytes: Math.max(0, found.memory_free_bytes - sum(mapped)),
    promisedBytes: ownBytes + sum(promised),
  };
}

/** What one more worker would take: less, where its file is mapped or about to be by another. */
export function extraBytes(spec: WorkerSpec, workers: readonly WorkerProcess[], reading: Reading): number {
  if (spec.need === undefined) return 0;
  if (spec.worker !== 'cpu') return spec.need.bytes;
  const sharers = workers.filter((worker) => isOn(worker, spec) && worker.spec.modelPath === spec.modelPath);
  const isPromised = sharers.some((worker) => isLoading(worker, reading) && worker.spec.need !== undefined);
  const sharedBytes = isPromised ? spec.need.weightsBytes : sum(mappedBytes(sharers, reading));
  return spec.need.bytes - sharedBytes;
}

/** What would become free if these workers ended. */
export function bytesOf(ended: readonly WorkerProcess[], workers: readonly WorkerProcess[]): number {
  const stay = workers.filter((worker) => !ended.includes(worker) && worker.state.kind !== 'exited');
  const files = new Set<string>();
  let bytes = 0;
  for (const { spec } of ended) {
    if (spec.need === undefined) continue;
    const isShared = spec.worker === 'cpu' && (files.has(spec.modelPath) || stay.some((other) => sharesFile(other.spec, spec)));
    bytes += isShared ? spec.need.bytes - spec.need.weightsBytes : spec.need.bytes;
    files.add(spec.modelPath);
  }
  return bytes;
}

function sharesFile(one: WorkerSpec, other: WorkerSpec): boolean {
  return one.worker === other.worker && one.modelPath === other.modelPath;
}

function isLoading(worker: WorkerProcess, reading: Reading): boolean {
  return worker.state.kind === 'loading' || (worker.state.kind !== 'exited' && reading.loading.has(worker));
}

/** Of the weights that workers have loaded, those that are page cache, by their file. */
function mappedBytes(workers: readonly WorkerProcess[], reading: Reading): Map<string, number> {
  const mapped = new Map<string, number>();
  for (const worker of workers) {
    const { need, modelPath, worker: kind } = worker.spec;
    if (kind !== 'cpu' || need === undefined || worker.state.kind === 'exited' || isLoading(worker, reading)) continue;
    const bytes = Math.min(need.weightsBytes, Math.max(0, need.bytes - (reading.ownBytes.get(worker) ?? 0)));
    mapped.set(modelPath, Math.max(bytes, mapped.get(modelPath) ?? 0));
  }
  return mapped;
}

function sum(numbers: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const each of numbers.values()) total += each;
  return total;
}
