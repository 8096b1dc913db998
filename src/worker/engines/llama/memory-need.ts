import type { GgufInsights, Llama } from 'node-llama-cpp';
import { formatBytes, JobError } from '../../../contract/index.ts';
import { freeMemoryBytes } from '../../../daemon/index.ts';

export interface MemoryNeed {
  weightsBytes: number;
  /** The KV cache of all slots, and the compute buffers. */
  contextBytes: number;
}

interface ContextShape {
  slots: number;
  contextSize: number;
  batchSize: number;
  flashAttention: boolean | 'auto';
  /** 0 on the CPU. */
  gpuLayers: number;
  /** Its weights are loaded already. */
  isLoaded?: boolean;
}

const NONE = { cpuRam: 0, gpuVram: 0 };

/**
 * Refuses a model that does not fit, before loading it displaces other programs from memory.
 *
 * @throws JobError model_too_large
 */
export async function checkMemory(insights: GgufInsights, llama: Llama, shape: ContextShape): Promise<void> {
  const { gpuLayers, slots, contextSize, batchSize, flashAttention, isLoaded = false } = shape;
  const weights = isLoaded ? NONE : await insights.estimateModelResourceRequirementsV2({ gpuLayers });
  const context = { modelGpuLayers: gpuLayers, sequences: slots, contextSize, batchSize };
  const freeBytes = await freeMemoryBytes();
  // The exact figure comes from a context that is opened without its tensors. Even that takes 50 bytes a token, so a context
  // of an absurd size is refused by arithmetic first.
  const cache = insights.estimateContextResourceRequirements({ ...context, includeGraphOverhead: false });
  refuseIfTooLarge({ weightsBytes: weights.cpuRam, contextBytes: cache.cpuRam }, freeBytes, shape);
  const whole = await insights.estimateContextResourceRequirementsV2({ ...context, flashAttention });
  refuseIfTooLarge({ weightsBytes: weights.cpuRam, contextBytes: whole.cpuRam }, freeBytes, shape);
  if (gpuLayers === 0) return;
  const { free } = await llama.getVramState();
  refuseIfTooLarge({ weightsBytes: weights.gpuVram, contextBytes: whole.gpuVram }, free, shape);
}

/** Exported for its test. */
export function refuseIfTooLarge(
  { weightsBytes, contextBytes }: MemoryNeed,
  freeBytes: number,
  { slots, contextSize }: Pick<ContextShape, 'slots' | 'contextSize'>,
): void {
  const needBytes = weightsBytes + contextBytes;
  if (needBytes <= freeBytes) return;
  throw new JobError(
    'model_too_large',
    `The model needs about ${formatBytes(needBytes)} (${formatBytes(weightsBytes)} of weights, ${formatBytes(contextBytes)} for ${String(slots)} slots of ` +
      `${String(contextSize)} tokens) and ${formatBytes(freeBytes)} are free`,
  );
}
