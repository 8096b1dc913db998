import { expect, test } from 'vitest';
import { clock, count, duration, rate } from './units.ts';

test.each([
  [-5, '0 ms'],
  [0.4, '0 ms'],
  [41, '41 ms'],
  [999.6, '1.0 s'],
  [2_500, '2.5 s'],
  [9_960, '10 s'],
  [59_600, '1 min'],
  [200_000, '3 min 20 s'],
  [3_599_600, '1 h'],
  [7_500_000, '2 h 5 min'],
  [86_400_000, '1 d'],
  [273_600_000, '3 d 4 h'],
])('%d ms is shown as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('a rate has a decimal only below 100', () => {
  expect([12.34, 99.96, 152.4].map(rate)).toEqual(['12.3', '100', '152']);
});

test('a count of one is singular', () => {
  expect([0, 1, 2].map((n) => count(n, 'token'))).toEqual(['0 tokens', '1 token', '2 tokens']);
});

test('a time of another day has its date', () => {
  const now = new Date(2026, 10, 21, 14, 0, 0);
  expect(clock(new Date(2026, 10, 21, 9, 5, 7).toISOString(), now)).toBe('09:05:07');
  expect(clock(new Date(2026, 10, 20, 9, 5, 7).toISOString(), now)).toBe('2026-11-20 09:05:07');
});
