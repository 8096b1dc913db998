import { DEFAULT_ENGINE, type DeviceKind, type GpuProbe } from '../contract/index.ts';
import { engines } from './engines/index.ts';

/**
 * Says on stdout, in one line of JSON, what the engine sees of a kind of GPU in the environment that it was started with.
 * @param modelPath a model to compute a few tokens with first
 */
export async function probeGpu(worker: DeviceKind, modelPath?: string): Promise<void> {
  const probe: GpuProbe = await engines[DEFAULT_ENGINE].describeGpus(worker, modelPath);
  process.stdout.write(`${JSON.stringify(probe)}\n`);
}
