import type { ModelMemory } from '../../contract/index.ts';
import { BATCH_TOKENS, CACHE_STEP_TOKENS, GPU_BATCH_TOKENS, DEFAULT_CONTEXT_TOKENS, upTo } from '../models/index.ts';
import type { MemoryNeed, WorkerSpec } from './worker-process.ts';

/** Of each token of a batch, whether it sees each token of the cache. */
const MASK_BYTES = 2;

/**
 * What a worker of this kind takes of its device: weights, the KV cache of all slots, and room to compute in. That room is
 * estimated for the default context, and grows with it where all scores of the attention are held: not on a GPU.
 */
export function needOf(
  memory: ModelMemory | undefined,
  { slots, context, worker }: Pick<WorkerSpec, 'slots' | 'context' | 'worker'>,
): MemoryNeed | undefined {
  if (memory === undefined) return undefined;
  const usual = Math.min(memory.context_length, DEFAULT_CONTEXT_TOKENS);
  // More than the model was made for is refused by the worker.
  const tokens = Math.min(context ?? usual, memory.context_length);
  const onCpu = memory.compute_bytes * Math.max(1, tokens / usual) * (Math.max(BATCH_TOKENS, slots) / BATCH_TOKENS);
  const onGpu = memory.gpu_compute_bytes + tokens * GPU_BATCH_TOKENS * MASK_BYTES;
  const computeBytes = worker === 'cpu' ? onCpu : onGpu;
  const cacheBytes = memory.kv_bytes_per_token * upTo(CACHE_STEP_TOKENS, tokens) * slots;
  return { weightsBytes: memory.weights_bytes, bytes: Math.ceil(memory.weights_bytes + cacheBytes + computeBytes) };
}
