import { expect, test } from 'vitest';
import { TURN_CHARS } from '../limits.ts';
import { Pace } from './pace.ts';

/** Reads pieces for so long, waiting as it is told to. @returns characters read, and how often others had a turn */
function read(pace: Pace, { pieceChars, forMs }: { pieceChars: number; forMs: number }) {
  let chars = 0;
  let turns = 0;
  for (let now = 0; now < forMs;) {
    chars += pieceChars;
    const waitMs = pace.afterPiece(pieceChars, now);
    if (waitMs !== undefined) turns += 1;
    // Reading takes a moment of its own.
    now += (waitMs ?? 0) + 0.01;
  }
  return { chars, turns };
}

test('everybody else has a turn after each 64 KiB', () => {
  const { chars, turns } = read(new Pace(undefined, 0), { pieceChars: 1_000, forMs: 100 });
  expect(chars / turns).toBeGreaterThan(TURN_CHARS / 2);
  expect(chars / turns).toBeLessThanOrEqual(TURN_CHARS);
});

test('everybody else has a turn also where the pieces are of one character', () => {
  expect(read(new Pace(undefined, 0), { pieceChars: 1, forMs: 100 }).turns).toBeGreaterThan(5);
});

test('with a rate, no more than the burst and the rate are read', () => {
  const pace = new Pace({ charsPerS: 1_000_000, burstChars: 500_000 }, 0);
  const { chars } = read(pace, { pieceChars: 10_000, forMs: 2_000 });
  expect(chars).toBeLessThanOrEqual(2_500_000 + 10_000);
  expect(chars).toBeGreaterThan(2_000_000);
});

test('what is read slowly does not wait', () => {
  const pace = new Pace({ charsPerS: 1_000, burstChars: 2_000 }, 0);
  expect([0, 1_000, 2_000, 3_000].map((now) => pace.afterPiece(900, now))).toEqual([undefined, undefined, undefined, undefined]);
});
