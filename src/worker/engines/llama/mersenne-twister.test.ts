import { expect, test } from 'vitest';
import { MersenneTwister } from './mersenne-twister.ts';

test('the numbers are those of mt19937 in the C++ standard', () => {
  const random = new MersenneTwister(5489);
  const numbers = Array.from({ length: 10_000 }, () => random.next());
  expect(numbers[0]).toBe(3_499_211_612);
  expect(numbers.at(-1)).toBe(4_123_659_995);
});

test('uniform numbers are from 0 up to and without 1', () => {
  const random = new MersenneTwister(1);
  const numbers = Array.from({ length: 1_000 }, () => random.uniform());
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(numbers.reduce((sum, number) => sum + number, 0) / numbers.length).toBeCloseTo(0.5, 1);
});
