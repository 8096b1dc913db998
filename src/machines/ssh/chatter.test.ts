import { expect, test } from 'vitest';
import { ChatterLimit } from './chatter.ts';

test('a source that sends too much within one window exceeds its limit', () => {
  const limit = new ChatterLimit({ bytes: 100, perMs: 1_000 });
  expect(limit.isExceededBy(60, 0)).toBe(false);
  expect(limit.isExceededBy(60, 999)).toBe(true);
});

test('a source that sends a little for a long time stays within its limit', () => {
  const limit = new ChatterLimit({ bytes: 100, perMs: 1_000 });
  for (let second = 0; second < 10_000; second += 1) expect(limit.isExceededBy(60, second * 1_000)).toBe(false);
});
