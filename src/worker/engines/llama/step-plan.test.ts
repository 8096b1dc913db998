import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gapsToFill, nextChunkSize, reusableTokens } from './step-plan.ts';

test.each([
  { busy: [0, 1, 2], filled: [] },
  { busy: [0, 2, 5], filled: [1, 3, 4] },
  { busy: [3], filled: [] },
  { busy: [], filled: [] },
  { busy: [0, 4], filled: [] },
  { busy: [0, 4, 6], filled: [5] },
])('with slots $busy generating, slots $filled are computed along', ({ busy, filled }) => {
  expect(gapsToFill(busy)).toEqual(filled);
});

test('chunks cover the prompt exactly and a prompt of two tokens or more never has a chunk of one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 5000 }), fc.integer({ min: 3, max: 512 }), (promptTokens, chunkSize) => {
      const chunks: number[] = [];
      for (let left = promptTokens; left > 0; left -= chunks.at(-1) ?? 0) chunks.push(nextChunkSize(left, chunkSize));
      expect(chunks.reduce((sum, size) => sum + size)).toBe(promptTokens);
      expect(Math.min(...chunks)).toBeGreaterThan(1);
      expect(Math.max(...chunks)).toBeLessThanOrEqual(chunkSize);
    }),
  );
});

test('a prompt that is cached completely still has tokens to compute', () => {
  expect(reusableTokens(100, 100)).toBe(98);
  expect(reusableTokens(40, 100)).toBe(40);
  expect(reusableTokens(1, 1)).toBe(0);
});
