import { programOutput } from './program-output.ts';

const DEADLINE_MS = 3_000;
const MIB = 1024 * 1024;
const QUERY = ['--query-gpu=index,uuid,name,memory.total,memory.free,driver_version', '--format=csv,noheader,nounits'];

/** A GPU as its driver reports it. */
export interface NvidiaGpu {
  index: number;
  uuid: string;
  name: string;
  /** 0 for a GPU that shares the memory of its machine, as is `memoryFreeBytes`. */
  memoryBytes: number;
  memoryFreeBytes: number;
  driver: string;
}

/** All of the machine, also those that CUDA_VISIBLE_DEVICES hides. Empty where there is no NVIDIA driver. */
export async function nvidiaGpus(): Promise<NvidiaGpu[]> {
  // On WSL, Windows puts it in a folder that is in the PATH of login shells only.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/lib/wsl/lib` };
  return parseNvidiaGpus(await programOutput('nvidia-smi', QUERY, { withinMs: DEADLINE_MS, env }).catch(() => ''));
}

/** @param csv a GPU a line, memory in mebibytes, as in nvidia-smi(1) for QUERY */
export function parseNvidiaGpus(csv: string): NvidiaGpu[] {
  return csv.split('\n').flatMap((line): NvidiaGpu[] => {
    const [index, uuid, name, total, free, driver] = line.split(',').map((cell) => cell.trim());
    if (index === undefined || uuid === undefined || name === undefined || driver === undefined) return [];
    return [{ index: Number(index), uuid, name, memoryBytes: bytesOf(total), memoryFreeBytes: bytesOf(free), driver }];
  });
}

/** A GPU that shares the memory of its machine has '[N/A]' here. */
function bytesOf(mebibytes: string | undefined): number {
  return (Number(mebibytes) || 0) * MIB;
}
