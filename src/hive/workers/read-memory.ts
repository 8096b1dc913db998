import { readFile } from 'node:fs/promises';
import type { Device } from '../../contract/index.ts';
import type { Running } from '../devices/index.ts';
import { roomOn, type Reading } from './ledger.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Memory of a worker without a model, measured: Node and the engine's code. Not part of a model's need. */
const BARE_WORKER_BYTES = 64_000_000;

export type ReadDevices = (running: readonly Running[]) => Promise<Device[]>;

/** @param workers with their states from before the machine is read: see Reading */
export async function readMemory(readDevices: ReadDevices, workers: readonly WorkerProcess[]): Promise<Reading> {
  const loading = new Set(workers.filter(({ state }) => state.kind === 'loading'));
  const onCpu = workers.filter(({ spec, state }) => spec.worker === 'cpu' && 'port' in state);
  const [devices, ownBytes] = await Promise.all([readDevices(workers.map(runningOf)), Promise.all(onCpu.map(ownBytesOf))]);
  return { devices, loading, ownBytes: new Map(ownBytes) };
}

/** The devices as the hive reports them: free memory excludes what workers need, and the part for loading workers is promised. */
export function devicesIn(reading: Reading, workers: readonly WorkerProcess[]): Device[] {
  return reading.devices.map((device) => {
    const room = roomOn(device, workers, reading);
    return room === undefined ? device : { ...device, memory_free_bytes: room.freeBytes, promised_bytes: room.promisedBytes };
  });
}

function runningOf({ id, spec, state }: WorkerProcess): Running {
  return { id, worker: spec.worker, device: spec.device, state: state.kind, needBytes: spec.need?.bytes ?? 0 };
}

/**
 * Memory for the model that is not page cache, from proc(5): the engine writes the whole KV cache when it loads.
 * On macOS the whole need: free memory there excludes the pages of mapped files.
 */
async function ownBytesOf(worker: WorkerProcess): Promise<[WorkerProcess, number]> {
  if (process.platform === 'darwin') return [worker, worker.spec.need?.bytes ?? 0];
  const status = await readFile(`/proc/${worker.identity?.pid}/status`, 'utf8').catch(() => '');
  const bytes = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  return [worker, Math.max(0, bytes - BARE_WORKER_BYTES)];
}
