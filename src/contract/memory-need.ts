import { DEFAULT_CONTEXT_TOKENS, DEFAULT_SLOTS } from './defaults.ts';
import type { Model, ModelMemory, DeviceKind } from './entities.ts';
import { JobError } from './errors.ts';

/** Prompt tokens that the engine computes at once on a CPU, which computes 128 as efficiently as more. A cancel waits for one batch. */
export const BATCH_TOKENS = 128;
/** The same on a GPU, which needs more and is fast. */
export const GPU_BATCH_TOKENS = 512;
/** The engine's caches grow in steps of so many tokens. */
export const CACHE_STEP_TOKENS = 256;
/** For each token of a batch, whether it attends to each token of the cache. */
const MASK_BYTES = 2;

const MIB = 1024 * 1024;
/** For a file of which only the size is known: what the engine adds to its weights. */
const UNKNOWN_FACTOR = 1.2;
/** KV cache and compute buffers for such a file: they grow with the model, up to those of a model of usual size. */
const UNKNOWN_LEAST_BYTES = 256 * MIB;
const UNKNOWN_MOST_BYTES = 1024 * MIB;

/** Memory of its device that a worker takes. */
export interface MemoryNeed {
  /** All of it. */
  bytes: number;
  weightsBytes: number;
}

interface WorkerShape {
  worker: DeviceKind;
  slots: number;
  /** Tokens of a slot; the default when undefined. */
  context?: number | undefined;
}

/**
 * Estimate of the memory that a worker takes of its device: weights, the KV cache of all slots, and compute buffers. The buffers
 * are estimated for the default context, and grow with the context where all scores of the attention are stored: not on a GPU.
 * The engine itself decides, when it loads.
 */
export function memoryNeed(memory: ModelMemory, { slots, context, worker }: WorkerShape): MemoryNeed {
  const usual = Math.min(memory.context_length, DEFAULT_CONTEXT_TOKENS);
  // The worker refuses a context over the one that the model was trained on.
  const tokens = Math.min(context ?? usual, memory.context_length);
  const onCpu = memory.compute_bytes * Math.max(1, tokens / usual) * (Math.max(BATCH_TOKENS, slots) / BATCH_TOKENS);
  const onGpu = memory.gpu_compute_bytes + tokens * GPU_BATCH_TOKENS * MASK_BYTES;
  const computeBytes = worker === 'cpu' ? onCpu : onGpu;
  const cacheBytes = memory.kv_bytes_per_token * roundUp(tokens, CACHE_STEP_TOKENS) * slots;
  return { weightsBytes: memory.weights_bytes, bytes: Math.ceil(memory.weights_bytes + cacheBytes + computeBytes) };
}

/**
 * The need of a worker that is started for a request, also for a model whose header could not be read.
 * @param wish slots and context of the request; the defaults where it has none
 */
export function defaultNeedBytes(
  { memory, size_bytes }: Pick<Model, 'memory' | 'size_bytes'>,
  worker: DeviceKind,
  wish: ShapeWish = {},
): number {
  const { slots, context } = shapeFor(wish);
  if (memory !== undefined) return memoryNeed(memory, { worker, slots, context }).bytes;
  const larger = ((context ?? DEFAULT_CONTEXT_TOKENS) / DEFAULT_CONTEXT_TOKENS) * Math.max(1, slots / DEFAULT_SLOTS);
  return size_bytes * UNKNOWN_FACTOR + Math.min(UNKNOWN_MOST_BYTES, UNKNOWN_LEAST_BYTES + size_bytes) * larger;
}

/** What a request wants of a worker that is started for it. */
export interface ShapeWish {
  slots?: number | undefined;
  /** Tokens that a slot must hold, at least. */
  context?: number | undefined;
}

/** The worker for a wish. Its context is never smaller than the default: other requests will use it too. */
export function shapeFor({ slots = DEFAULT_SLOTS, context }: ShapeWish): { slots: number; context: number | undefined } {
  return { slots, context: context !== undefined && context > DEFAULT_CONTEXT_TOKENS ? context : undefined };
}

/** Whether a worker holds the context that a request needs. @param context of the worker; the default when undefined */
export function holdsContext(context: number | undefined, needed: number | undefined): boolean {
  return needed === undefined || (context ?? DEFAULT_CONTEXT_TOKENS) >= needed;
}

/** The refusal of a request that needs more context than a model, or the worker that it names, has. */
export function contextRefusal(needed: number, has: { context: number; what: string }): JobError {
  return new JobError(
    'invalid_input',
    `context: ${has.what} holds at most ${has.context} tokens, and the request needs ${needed}`,
    {
      hint: '',
    },
  );
}

/** @throws JobError invalid_input when a worker is to have a longer context than its model was trained on */
export function requireContext(context: number, limit: number): void {
  if (context <= limit) return;
  const sentence = `The model has a context of ${limit} tokens at most, and ${context} were requested. Choose ${limit} or fewer.`;
  throw new JobError('invalid_input', sentence);
}

/** The next multiple of `step`. */
export function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}
