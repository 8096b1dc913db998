import type { Device, Model, Worker, WorkerKind } from '../../contract/index.ts';

/** As a worker is started when nobody asks for more: see worker_spawn. */
export const DEFAULT_SLOTS = 4;
const CONTEXT_LIMIT_TOKENS = 8192;
/** Of a token of the context, for the 512 tokens of a batch. */
const GPU_MASK_BYTES = 1024;

const MIB = 1024 * 1024;
/** For a file of which only the size is known: what the engine adds to its weights. */
const UNKNOWN_FACTOR = 1.2;
/** KV cache and room to compute in, for such a file: they grow with the model, up to what a model of usual size takes. */
const UNKNOWN_LEAST_BYTES = 256 * MIB;
const UNKNOWN_MOST_BYTES = 1024 * MIB;

/** Estimate of what a worker with this model takes of its device. The engine itself has the last word, when it loads. */
export function needBytes({ memory, size_bytes }: Pick<Model, 'memory' | 'size_bytes'>, worker: WorkerKind): number {
  if (memory === undefined) return size_bytes * UNKNOWN_FACTOR + Math.min(UNKNOWN_MOST_BYTES, UNKNOWN_LEAST_BYTES + size_bytes);
  const tokens = Math.min(memory.context_length, CONTEXT_LIMIT_TOKENS);
  const computeBytes = worker === 'cpu' ? memory.compute_bytes : memory.gpu_compute_bytes + tokens * GPU_MASK_BYTES;
  return memory.weights_bytes + memory.kv_bytes_per_token * tokens * DEFAULT_SLOTS + computeBytes;
}

/** What a worker could get of a device, by the hive's own word. */
export function freeBytes({ memory_free_bytes, promised_bytes = 0 }: Device): number {
  return memory_free_bytes - promised_bytes;
}

/** What its end would make free. Nothing is counted on where nobody knows. */
export function heldBytes({ worker, need_bytes, memory_bytes }: Worker): number {
  // The resident memory of a process says nothing of what it holds of a GPU.
  return need_bytes ?? (worker === 'cpu' ? (memory_bytes ?? 0) : 0);
}
