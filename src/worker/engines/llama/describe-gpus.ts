import type { GpuProbe, WorkerKind } from '../../../contract/index.ts';
import { openBackend } from './backend.ts';
import { EngineLog } from './engine-log.ts';
import { importLlama } from './llama-module.ts';

/** The GPUs that a worker of this kind would compute with here, and their memory together. @throws JobError device_not_found */
export async function describeGpus(worker: WorkerKind): Promise<GpuProbe> {
  const llama = await openBackend(await importLlama(), { worker, threads: 1, log: new EngineLog() });
  const names = await llama.getGpuDeviceNames();
  const { total, free, unifiedSize } = await llama.getVramState();
  await llama.dispose();
  return { names, memory_bytes: total, memory_free_bytes: free, unified: unifiedSize > 0 };
}
