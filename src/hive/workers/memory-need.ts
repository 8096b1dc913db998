import type { ModelMemory } from '../../contract/index.ts';
import { BATCH_TOKENS, CACHE_STEP_TOKENS, DEFAULT_CONTEXT_TOKENS, upTo } from '../models/index.ts';
import type { MemoryNeed, WorkerSpec } from './worker-process.ts';

/** Prompt tokens that the engine computes at once on a GPU. */
const GPU_BATCH_TOKENS = 512;

/**
 * What a worker of this kind takes of its device: weights, the KV cache of all slots, and room to compute in. That room is
 * estimated for the default context and grows with it; on a GPU this is more than it takes, for it need not hold all scores.
 */
export function needOf(
  memory: ModelMemory | undefined,
  { slots, context, worker }: Pick<WorkerSpec, 'slots' | 'context' | 'worker'>,
): MemoryNeed | undefined {
  if (memory === undefined) return undefined;
  const usual = Math.min(memory.context_length, DEFAULT_CONTEXT_TOKENS);
  // More than the model was made for is refused by the worker.
  const tokens = Math.min(context ?? usual, memory.context_length);
  const batch = Math.max(worker === 'cpu' ? BATCH_TOKENS : GPU_BATCH_TOKENS, slots);
  const computeBytes = memory.compute_bytes * Math.max(1, tokens / usual) * (batch / BATCH_TOKENS);
  const cacheBytes = memory.kv_bytes_per_token * upTo(CACHE_STEP_TOKENS, tokens) * slots;
  return { weightsBytes: memory.weights_bytes, bytes: Math.ceil(memory.weights_bytes + cacheBytes + computeBytes) };
}
