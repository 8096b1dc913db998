import { expect, test } from 'vitest';
import { PieceQueue } from './piece-queue.ts';

test('a reader gets every piece as it comes and then the end', async () => {
  const queue = new PieceQueue();
  const reader = queue.read();
  const first = reader.next();
  queue.push('a bee ');
  expect(await first).toEqual({ done: false, value: 'a bee ' });
  queue.push('flies');
  queue.push(' home');
  queue.end();
  expect(await reader.next()).toEqual({ done: false, value: 'flies home' });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('a reader gets the pieces before a failure, and a failure without a reader is no unhandled rejection', async () => {
  const queue = new PieceQueue();
  queue.push('half');
  queue.fail(new TypeError('broken'));
  const reader = queue.read();
  expect(await reader.next()).toEqual({ done: false, value: 'half' });
  await expect(reader.next()).rejects.toThrow('broken');
  new PieceQueue().fail(new TypeError('unread'));
});
