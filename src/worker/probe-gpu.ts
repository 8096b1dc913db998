import type { GpuProbe, WorkerKind } from '../contract/index.ts';
import { describeGpus } from './engines/index.ts';

/**
 * Says on stdout, in one line of JSON, what the engine sees of a kind of GPU in the environment that it was started with.
 * @param modelPath a model to compute a few tokens with first
 */
export async function probeGpu(worker: WorkerKind, modelPath?: string): Promise<void> {
  const probe: GpuProbe = await describeGpus(worker, modelPath);
  process.stdout.write(`${JSON.stringify(probe)}\n`);
}
