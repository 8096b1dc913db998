import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('each wait is longer than the one before, up to the limit; after a success the waits start from the first again', () => {
  const backoff = new Backoff({ first: 100, most: 400 });
  const isBetween = (least: number, most: number) => expect.toSatisfy((ms: number) => ms >= least && ms <= most) as number;
  const waits = () => Array.from({ length: 4 }, () => backoff.nextMs());
  expect(waits()).toEqual([isBetween(50, 100), isBetween(100, 200), isBetween(200, 400), isBetween(200, 400)]);
  backoff.reset();
  expect(backoff.nextMs()).toEqual(isBetween(50, 100));
});
