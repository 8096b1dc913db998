import type { Device, HiveReport, Model, Worker } from '../../src/contract/index.ts';
import { FleetIndex } from '../../src/queen/placement/index.ts';

export const WORKERS_A_HIVE = 10;
/** On each hive's disk; each worker has one of them loaded. */
const MODELS = 20;
const GB = 1e9;
const STARTED = '2026-11-21T08:00:00.000Z';

/** What the workers of a fleet are doing. */
export type Situation = 'free' | 'busy' | 'cold' | 'full' | 'pinned';

export const modelName = (at: number): string => `model-${at % MODELS}`;

/** Hives with a CPU and four GPUs each, ten workers, and all models on their disks. */
export function fleetOf(hives: number, situation: Situation): FleetIndex {
  const index = new FleetIndex();
  for (let at = 0; at < hives; at += 1) {
    const hive_id = `hive-${at}`;
    const workers = situation === 'cold' ? [] : Array.from({ length: WORKERS_A_HIVE }, (_, n) => workerOf(at, n, situation));
    index.applyHive({ hive_id, state: 'up', why: undefined, report: reportOf(at, situation) }, workers);
  }
  return index;
}

export function workerOf(hive: number, n: number, situation: Situation): Worker {
  const isFull = situation === 'full' || situation === 'pinned';
  const isTaken = situation === 'busy' || isFull;
  return {
    worker_id: `worker-${hive}-${n}`,
    hive_id: `hive-${hive}`,
    // The requested model is not loaded, in a fleet without free memory.
    model: isFull ? 'another' : modelName(hive * WORKERS_A_HIVE + n),
    worker: 'cuda',
    device: n % 4,
    state: isTaken ? 'busy' : 'ready',
    slots: 4,
    slots_used: isTaken ? 4 : (hive + n) % 4,
    started_at: STARTED,
    need_bytes: 6 * GB,
    pinned: situation === 'pinned',
  };
}

export function reportOf(hive: number, situation: Situation): HiveReport {
  const free = situation === 'full' || situation === 'pinned' ? 1 : 8 + (hive % 16);
  const gpu = (device: number): Device => ({
    worker: 'cuda',
    device,
    name: 'GPU',
    memory_bytes: 24 * GB,
    memory_free_bytes: free * GB,
  });
  const cpu: Device = { worker: 'cpu', device: 0, name: 'CPU', memory_bytes: 64 * GB, memory_free_bytes: free * GB, cores: 16 };
  const models = Array.from({ length: MODELS }, (_, at) => modelOf(at));
  return {
    kind: 'hive',
    pid: 1,
    started_at: '2026-01-01T00:00:00.000Z',
    hive_id: `hive-${hive}`,
    version: '0.1.0',
    hostname: `hive-${hive}`,
    disk_free_bytes: 500 * GB,
    devices: [cpu, gpu(0), gpu(1), gpu(2), gpu(3)],
    models,
  };
}

function modelOf(at: number): Model {
  const memory = {
    weights_bytes: 5 * GB,
    kv_bytes_per_token: 20_000,
    compute_bytes: 300_000_000,
    gpu_compute_bytes: 300_000_000,
    context_length: 32_768,
  };
  return { model: modelName(at), path: `/m/${at}.gguf`, size_bytes: 5 * GB, source: '/usb', memory, created_at: STARTED };
}
