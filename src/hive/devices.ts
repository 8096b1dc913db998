import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, hostname, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { JobError, workerKinds, type Capabilities, type Device, type WorkerKind } from '../contract/index.ts';
import { diskFreeBytes, homePaths } from '../daemon/index.ts';

const NVIDIA_SMI_DEADLINE_MS = 3_000;
const MIB = 1024 * 1024;

/** What this machine can compute with, as it is now. */
export async function readCapabilities(
  hiveId: string,
  modelsDir: string,
  devices: () => Promise<Device[]>,
): Promise<Capabilities> {
  return {
    hive_id: hiveId,
    version: __RBEE_VERSION__,
    hostname: hostname(),
    os: process.platform,
    arch: process.arch,
    devices: await devices(),
    disk_free_bytes: await diskFreeBytes(modelsDir),
  };
}

/** As the machine tells of them, the CPU first; it is always there. What the hive's workers are promised, only the pool knows. */
export async function listDevices(packageRoot: string): Promise<Device[]> {
  return [await cpu(), ...metal(), ...(await nvidiaGpus(packageRoot))];
}

async function cpu(): Promise<Device> {
  return {
    worker: 'cpu',
    device: 0,
    name: cpus()[0]?.model.trim() || process.arch,
    memory_bytes: totalmem(),
    memory_free_bytes: await memoryAvailable(),
    cores: availableParallelism(),
  };
}

/** Linux counts its file cache as used in `free`; what a program can get is MemAvailable. */
async function memoryAvailable(): Promise<number> {
  const meminfo = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo);
  return match === null ? freemem() : Number(match[1]) * 1024;
}

/** Apple's GPU shares the machine's memory. */
function metal(): Device[] {
  if (process.platform !== 'darwin' || process.arch !== 'arm64') return [];
  return [
    { worker: 'metal', device: 0, name: cpus()[0]?.model ?? 'Apple GPU', memory_bytes: totalmem(), memory_free_bytes: freemem() },
  ];
}

/** Empty where there is no NVIDIA driver. */
async function nvidiaGpus(packageRoot: string): Promise<Device[]> {
  const query = ['--query-gpu=index,name,memory.total,memory.free,driver_version', '--format=csv,noheader,nounits'];
  const found = await promisify(execFile)('nvidia-smi', query, { timeout: NVIDIA_SMI_DEADLINE_MS }).catch(() => ({ stdout: '' }));
  const usable = hasEngineFor('cuda', packageRoot);
  return found.stdout.split('\n').flatMap((line): Device[] => {
    const [index, name, total, free, driver] = line.split(',').map((cell) => cell.trim());
    if (index === undefined || name === undefined || driver === undefined) return [];
    return [
      {
        worker: 'cuda',
        device: Number(index),
        name,
        memory_bytes: Number(total) * MIB,
        memory_free_bytes: Number(free) * MIB,
        usable,
        driver,
      },
    ];
  });
}

/** Its packages are left out of the default install: where they are, its folder has more than a name. */
function hasEngineFor(kind: WorkerKind, packageRoot: string): boolean {
  const binaries = join('node_modules', '@node-llama-cpp', `${process.platform}-${process.arch}-${kind}`, 'bins');
  const above: string[] = [];
  for (let folder = packageRoot; !above.includes(folder); folder = dirname(folder)) above.push(folder);
  const told = process.env['RBEE_ENGINE_DIR'];
  return [...(told ? [told] : []), join(homePaths().data, 'engine'), ...above].some((root) => existsSync(join(root, binaries)));
}

/**
 * 'cuda:1' or 'cpu'; when left out, the GPU with the most free memory that is not promised, or else the CPU.
 * @throws JobError invalid_input, device_not_found
 */
export function chooseDevice(wanted: string | undefined, devices: readonly Device[]): { worker: WorkerKind; device: number } {
  if (wanted === undefined) {
    const free = (each: Device) => each.memory_free_bytes - (each.promised_bytes ?? 0);
    const gpus = devices.filter(({ worker, usable }) => worker !== 'cpu' && usable !== false);
    const [best] = gpus.toSorted((a, b) => free(b) - free(a));
    return best === undefined ? { worker: 'cpu', device: 0 } : { worker: best.worker, device: best.device };
  }
  const [kind = '', number = '0'] = wanted.split(':');
  const worker = workerKinds.find((known) => known === kind);
  if (worker === undefined || !/^\d{1,3}$/.test(number)) {
    throw new JobError(
      'invalid_input',
      `device: '${wanted}' is not a device; use for example ${workerKinds.join(', ')} or cuda:1`,
    );
  }
  return requireDevice({ worker, device: Number(number) }, devices);
}

/** @throws JobError device_not_found */
export function requireDevice(
  wanted: { worker: WorkerKind; device: number },
  devices: readonly Device[],
): { worker: WorkerKind; device: number } {
  const isThere = devices.some(({ worker, device }) => worker === wanted.worker && device === wanted.device);
  if (isThere) return { worker: wanted.worker, device: wanted.device };
  const there = devices.map(({ worker, device }) => `${worker}:${device}`).join(', ');
  throw new JobError('device_not_found', `No device ${wanted.worker}:${wanted.device} here; there is ${there}`);
}
