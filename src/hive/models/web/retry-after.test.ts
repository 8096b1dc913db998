import { expect, test } from 'vitest';
import { waitMsOf } from './retry-after.ts';

const NOW = Date.parse('Sat, 28 Nov 2026 10:00:00 GMT');

test.each([
  [{ retryAfter: '4' }, 4_000],
  [{ retryAfter: ' 0 ' }, 0],
  [{ retryAfter: 'Sat, 28 Nov 2026 10:00:47 GMT' }, 47_000],
  [{ retryAfter: 'Sat, 28 Nov 2026 09:00:00 GMT' }, 0],
  [{ rateLimit: '"resolvers";r=0;t=47' }, 48_000],
  [{ rateLimit: '"api";r=12;t=47' }, undefined],
  [{ retryAfter: '2', rateLimit: '"api";r=0;t=300' }, 2_000],
  [{ retryAfter: '-3' }, undefined],
  [{ retryAfter: '1e9' }, undefined],
  [{ retryAfter: 'soon', rateLimit: 'r=0' }, undefined],
  [{}, undefined],
])('a server that limits requests with %j is left alone for %j ms', (headers, waitMs) => {
  expect(waitMsOf(headers, NOW)).toBe(waitMs);
});
