import { DEFAULT_ENGINE, type DeviceKind, type GpuProbe } from '../contract/index.ts';
import { engines } from './engines/index.ts';

/**
 * Prints one line of JSON on stdout: the GPUs of a kind that the engine finds in this process's environment.
 * @param modelPath a model to compute a few tokens with first
 */
export async function probeGpu(worker: DeviceKind, modelPath?: string): Promise<void> {
  const probe: GpuProbe = await engines[DEFAULT_ENGINE].describeGpus(worker, modelPath);
  process.stdout.write(`${JSON.stringify(probe)}\n`);
}
