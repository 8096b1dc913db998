import { writeSync } from 'node:fs';
import type { Llama } from 'node-llama-cpp';
import type { GpuProbe, DeviceKind } from '../../../contract/index.ts';
import { openBackend } from './backend.ts';
import { importLlama } from './llama-module.ts';

const STDERR = 2;
const CONTEXT_TOKENS = 64;

/**
 * The GPUs that a worker of this kind would use here, and their total memory.
 *
 * @param modelPath a model to compute a few tokens with first. If a driver does not suit the engine, that ends the process
 * @throws JobError device_not_found
 */
export async function describeGpus(worker: DeviceKind, modelPath?: string): Promise<GpuProbe> {
  // Written synchronously, because the engine ends the process directly after its last error.
  const log = { record: (severe: boolean, text: string) => void (severe && writeSync(STDERR, `${text.trim()}\n`)) };
  const llama = await openBackend(await importLlama(), { worker, threads: 1, log });
  if (modelPath !== undefined) await compute(llama, modelPath);
  const names = await llama.getGpuDeviceNames();
  const { total, free, unifiedSize } = await llama.getVramState();
  await llama.dispose();
  return { names, memory_bytes: total, memory_free_bytes: free, unified: unifiedSize > 0 };
}

async function compute(llama: Llama, modelPath: string): Promise<void> {
  const model = await llama.loadModel({ modelPath, gpuLayers: 'max', ignoreMemorySafetyChecks: true });
  const context = await model.createContext({
    contextSize: CONTEXT_TOKENS,
    flashAttention: 'auto',
    ignoreMemorySafetyChecks: true,
    failedCreationRemedy: false,
  });
  for await (const _token of context.getSequence().evaluate(model.tokenize('What does a bee do?'))) break;
  await model.dispose();
}
