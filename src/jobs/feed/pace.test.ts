import { expect, test } from 'vitest';
import { TURN_CHARS } from '../limits.ts';
import { Pace } from './pace.ts';

/** Reads pieces for so long, with the waits that the pace returns. @returns characters read, and how often others had a turn */
function read(pace: Pace, { pieceChars, forMs }: { pieceChars: number; forMs: number }) {
  let chars = 0;
  let turns = 0;
  for (let now = 0; now < forMs;) {
    chars += pieceChars;
    const waitMs = pace.afterPiece(pieceChars, now);
    if (waitMs !== undefined) turns += 1;
    // Reading itself takes a little time.
    now += (waitMs ?? 0) + 0.01;
  }
  return { chars, turns };
}

test('after each 64 KiB read from a peer, other peers have a turn', () => {
  const { chars, turns } = read(new Pace(undefined, 0), { pieceChars: 1_000, forMs: 100 });
  expect(chars / turns).toBeGreaterThan(TURN_CHARS / 2);
  expect(chars / turns).toBeLessThanOrEqual(TURN_CHARS);
});

test('other peers have a turn also when a peer sends pieces of one character', () => {
  expect(read(new Pace(undefined, 0), { pieceChars: 1, forMs: 100 }).turns).toBeGreaterThan(5);
});

test('with a rate limit, no more than the burst plus the rate is read from a peer', () => {
  const pace = new Pace({ charsPerS: 1_000_000, burstChars: 500_000 }, 0);
  const { chars } = read(pace, { pieceChars: 10_000, forMs: 2_000 });
  expect(chars).toBeLessThanOrEqual(2_500_000 + 10_000);
  expect(chars).toBeGreaterThan(2_000_000);
});

test('a peer that sends more slowly than its rate limit is read without a wait', () => {
  const pace = new Pace({ charsPerS: 1_000, burstChars: 2_000 }, 0);
  expect([0, 1_000, 2_000, 3_000].map((now) => pace.afterPiece(900, now))).toEqual([undefined, undefined, undefined, undefined]);
});
