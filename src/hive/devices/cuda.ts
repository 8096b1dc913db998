import type { Device } from '../../contract/index.ts';
import { askProgram } from '../../daemon/index.ts';

const DEADLINE_MS = 3_000;
const MIB = 1024 * 1024;
const QUERY = ['--query-gpu=index,uuid,name,memory.total,memory.free,driver_version', '--format=csv,noheader,nounits'];

/** Empty where there is no NVIDIA driver. */
export async function nvidiaGpus(usable: boolean): Promise<Device[]> {
  // Windows puts it where no shell of its Linux looks that was not logged in to.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/lib/wsl/lib` };
  const csv = await askProgram('nvidia-smi', QUERY, { withinMs: DEADLINE_MS, env }).catch(() => '');
  return parseGpus(csv, process.env['CUDA_VISIBLE_DEVICES']).map((gpu) => ({ ...gpu, usable }));
}

/**
 * @param csv a GPU a line, with mebibytes, as in nvidia-smi(1) for QUERY
 * @param visible the GPUs that this hive was given, by index or UUID; all of them when undefined
 */
export function parseGpus(csv: string, visible: string | undefined): Device[] {
  const given = visible?.split(',').map((each) => each.trim());
  return csv.split('\n').flatMap((line): Device[] => {
    const [index, uuid, name, total, free, driver] = line.split(',').map((cell) => cell.trim());
    if (index === undefined || uuid === undefined || name === undefined || driver === undefined) return [];
    const isGiven = given?.some((each) => each === index || (each.startsWith('GPU-') && uuid.startsWith(each))) ?? true;
    if (!isGiven) return [];
    // A GPU that shares the memory of its machine says '[N/A]'.
    const [memory_bytes, memory_free_bytes] = [total, free].map((mebibytes) => (Number(mebibytes) || 0) * MIB);
    return [
      {
        worker: 'cuda',
        device: Number(index),
        name,
        memory_bytes: memory_bytes ?? 0,
        memory_free_bytes: memory_free_bytes ?? 0,
        driver,
      },
    ];
  });
}
