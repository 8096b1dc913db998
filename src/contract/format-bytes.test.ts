import { expect, test } from 'vitest';
import { formatBytes } from './format-bytes.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [1_898_272, '1.9 MB'],
  [99_949_999, '99.9 MB'],
  [999_950, '1.0 MB'],
  [139_000_000, '139 MB'],
  [40_000_000_000, '40.0 GB'],
  [-2_000, '-2.0 kB'],
])('%d bytes read as %s', (size, text) => {
  expect(formatBytes(size)).toBe(text);
});
