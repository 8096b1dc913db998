import { expect, test } from 'vitest';
import { memoryNeed } from './memory-need.ts';

const memory = {
  weights_bytes: 1_000_000,
  kv_bytes_per_token: 100,
  compute_bytes: 2_000,
  gpu_compute_bytes: 9_000,
  context_length: 32_768,
};
const spec = { slots: 4, context: undefined, worker: 'cpu' } as const;

test.each<[string, Partial<{ slots: number; context: number; worker: 'cpu' | 'cuda' }>, number]>([
  ['the default context, times the slots', {}, 8192 * 100 * 4 + 2_000],
  ['the requested context', { context: 1024 }, 1024 * 100 * 4 + 2_000],
  ['the cache grows in steps', { context: 100, slots: 1 }, 256 * 100 + 2_000],
  ['larger compute buffers for a larger context on a CPU', { context: 16_384 }, 16_384 * 100 * 4 + 4_000],
  ['no more context than the model was trained on', { context: 1_000_000 }, 32_768 * 100 * 4 + 8_000],
  ['the larger batches of a GPU, and their attention mask', { worker: 'cuda' }, 8192 * 100 * 4 + 9_000 + 8192 * 512 * 2],
  ['no stored attention scores on a GPU', { worker: 'cuda', context: 16_384 }, 16_384 * 100 * 4 + 9_000 + 16_384 * 512 * 2],
  ['a batch with a token for each slot', { slots: 256, context: 256 }, 256 * 100 * 256 + 4_000],
])('the memory need of a worker is weights, KV cache and compute buffers: %s', (_name, given, bytes) => {
  expect(memoryNeed(memory, { ...spec, ...given })).toEqual({ weightsBytes: 1_000_000, bytes: 1_000_000 + bytes });
});
