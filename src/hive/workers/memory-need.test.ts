import { expect, test } from 'vitest';
import { needOf } from './memory-need.ts';

const memory = {
  weights_bytes: 1_000_000,
  kv_bytes_per_token: 100,
  compute_bytes: 2_000,
  gpu_compute_bytes: 9_000,
  context_length: 32_768,
};
const spec = { slots: 4, context: undefined, worker: 'cpu' } as const;

test.each<[string, Partial<{ slots: number; context: number; worker: 'cpu' | 'cuda' }>, number]>([
  ['the context that the engine chooses, times the slots', {}, 8192 * 100 * 4 + 2_000],
  ['the context that was asked for', { context: 1024 }, 1024 * 100 * 4 + 2_000],
  ['in steps of the cache', { context: 100, slots: 1 }, 256 * 100 + 2_000],
  ['more to compute in where more is attended to', { context: 16_384 }, 16_384 * 100 * 4 + 4_000],
  ['no more than the model was made for', { context: 1_000_000 }, 32_768 * 100 * 4 + 8_000],
  ['the larger batches of a GPU, and their mask', { worker: 'cuda' }, 8192 * 100 * 4 + 9_000 + 8192 * 512 * 2],
  ['no scores on a GPU', { worker: 'cuda', context: 16_384 }, 16_384 * 100 * 4 + 9_000 + 16_384 * 512 * 2],
  ['a batch that has a token for each slot', { slots: 256, context: 256 }, 256 * 100 * 256 + 4_000],
])('a worker needs weights, cache and room to compute in: %s', (_name, told, bytes) => {
  expect(needOf(memory, { ...spec, ...told })).toEqual({ weightsBytes: 1_000_000, bytes: 1_000_000 + bytes });
});

test('nobody knows what a model needs whose header does not tell', () => {
  expect(needOf(undefined, spec)).toBeUndefined();
});
