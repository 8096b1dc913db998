import type { Device } from '../../contract/index.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSpec } from './worker-spec.ts';

/**
 * The machine's memory at one time, and the workers that were still loading then. The reading does not contain what such a worker has
 * allocated since, so its promise holds for this reading even if the worker is ready by the time it is used.
 */
export interface Reading {
  devices: readonly Device[];
  loading: ReadonlySet<WorkerProcess>;
  /** Memory of a CPU worker that is not page cache: the free figure already excludes it. */
  ownBytes: ReadonlyMap<WorkerProcess, number>;
}

export interface Room {
  totalBytes: number;
  /** Memory that a program could allocate without taking page cache that a worker uses. */
  freeBytes: number;
  /** The part of it that loading workers will use: the whole need of each, including what it has allocated by now. */
  promisedBytes: number;
}

type Place = Pick<WorkerSpec, 'worker' | 'device'>;

function isOn({ spec }: WorkerProcess, { worker, device }: Place): boolean {
  return spec.worker === worker && spec.device === device;
}

/** The workers that share a memory: those on the device, and for a GPU without memory of its own, those on the CPU too. */
export function sharersOf(place: Place, workers: readonly WorkerProcess[], { devices }: Reading): WorkerProcess[] {
  const isOfMachine = ({ worker, device }: Place) =>
    worker === 'cpu' || devices.some((each) => each.worker === worker && each.device === device && each.unified === true);
  return workers.filter((each) => isOn(each, place) || (isOfMachine(place) && isOfMachine(each.spec)));
}

/**
 * The memory of a device. Undefined for a device that the machine does not report.
 *
 * Weights on a CPU are a mapped file: page cache, which the kernel reports as available although the worker needs them for every
 * token. So the part of a worker's need that is not its own memory is subtracted from the free memory, once for all workers of
 * one file. (Some kinds of weights are copied when they are loaded. Then all of it is the worker's own memory, and nothing is
 * subtracted.)
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

/** The need of one more worker: smaller where another worker maps its file, or is about to. */
export function extraBytes(spec: WorkerSpec, workers: readonly WorkerProcess[], reading: Reading): number {
  if (spec.need === undefined) return 0;
  if (spec.worker !== 'cpu') return spec.need.bytes;
  const sharers = workers.filter((worker) => isOn(worker, spec) && worker.spec.modelPath === spec.modelPath);
  const isPromised = sharers.some((worker) => isLoading(worker, reading) && worker.spec.need !== undefined);
  const sharedBytes = isPromised ? spec.need.weightsBytes : sum(mappedBytes(sharers, reading));
  return spec.need.bytes - sharedBytes;
}

/** Memory that these workers would free by exiting. */
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

/** The loaded weights that are page cache, by file. */
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
