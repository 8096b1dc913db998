import type { Device } from '../../contract/index.ts';
import { nvidiaGpus, type NvidiaGpu } from '../../daemon/index.ts';

/** The NVIDIA GPUs that this hive may use. Empty where there is no driver. @param usable whether there is an engine for them */
export async function cudaGpus(usable: boolean): Promise<Device[]> {
  const visible = visibleGpus(await nvidiaGpus(), process.env['CUDA_VISIBLE_DEVICES']);
  return visible.map(({ index, name, memoryBytes, memoryFreeBytes, driver }) => ({
    worker: 'cuda',
    device: index,
    name,
    memory_bytes: memoryBytes,
    memory_free_bytes: memoryFreeBytes,
    driver,
    usable,
  }));
}

/** @param visible the value of CUDA_VISIBLE_DEVICES, indexes or UUIDs; all GPUs are visible when undefined */
export function visibleGpus(gpus: readonly NvidiaGpu[], visible: string | undefined): NvidiaGpu[] {
  const given = visible?.split(',').map((each) => each.trim());
  if (given === undefined) return [...gpus];
  return gpus.filter(({ index, uuid }) =>
    given.some((each) => each === String(index) || (each.startsWith('GPU-') && uuid.startsWith(each))),
  );
}
