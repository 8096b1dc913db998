import { expect, test } from 'vitest';
import { PieceQueue } from './piece-queue.ts';

test('a reader gets every piece as it comes and then the end', async () => {
  const queue = new PieceQueue();
  const reader = queue.read();
  const first = reader.next();
  queue.push({ kind: 'text', text: 'a bee ' });
  expect(await first).toEqual({ done: false, value: { kind: 'text', text: 'a bee ' } });
  queue.push({ kind: 'text', text: 'flies' });
  queue.push({ kind: 'text', text: ' home' });
  queue.end();
  expect(await reader.next()).toEqual({ done: false, value: { kind: 'text', text: 'flies home' } });
  expect(await reader.next()).toEqual({ done: true, value: undefined });
});

test('a reader gets the pieces before a failure, and a failure without a reader is no unhandled rejection', async () => {
  const queue = new PieceQueue();
  queue.push({ kind: 'text', text: 'half' });
  queue.fail(new TypeError('broken'));
  const reader = queue.read();
  expect(await reader.next()).toEqual({ done: false, value: { kind: 'text', text: 'half' } });
  await expect(reader.next()).rejects.toThrow('broken');
  new PieceQueue().fail(new TypeError('unread'));
});

test('pieces of different kinds stay apart and in order', async () => {
  const queue = new PieceQueue();
  queue.push({ kind: 'reasoning', text: 'h' });
  queue.push({ kind: 'reasoning', text: 'm' });
  queue.push({ kind: 'tool_call', index: 0, id: 'a', name: 'n' });
  queue.push({ kind: 'tool_arguments', index: 0, text: '{' });
  queue.push({ kind: 'tool_arguments', index: 0, text: '}' });
  queue.push({ kind: 'tool_arguments', index: 1, text: '{}' });
  queue.end();
  const pieces = [];
  for await (const piece of queue.read()) pieces.push(piece);
  expect(pieces).toEqual([
    { kind: 'reasoning', text: 'hm' },
    { kind: 'tool_call', index: 0, id: 'a', name: 'n' },
    { kind: 'tool_arguments', index: 0, text: '{}' },
    { kind: 'tool_arguments', index: 1, text: '{}' },
  ]);
});
