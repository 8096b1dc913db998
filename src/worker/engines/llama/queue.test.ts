import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { answer, collect, firstPiece, loadTiny, never, request } from './fixtures/engine.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await loadTiny({ slots: 1, contextSize: 300 });
});

afterAll(() => engine.close());

test('requests that wait for a slot are served in order of arrival', async () => {
  const ended: number[] = [];
  const requests: Promise<number>[] = [];
  for (const index of [0, 1, 2, 3]) {
    // The next one comes when this one waits, or has its slot: until then their prompts are prepared beside each other.
    await new Promise<void>((hasArrived) => {
      const generation = engine.generate(request('What does a bee do?', { onQueue: () => hasArrived() }), never);
      const answered = firstPiece(generation).then(async () => {
        hasArrived();
        const { queueMs } = await collect(generation);
        ended.push(index);
        return queueMs;
      });
      requests.push(answered);
    });
  }
  const waits = await Promise.all(requests);
  expect(ended).toEqual([0, 1, 2, 3]);
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
});

test('an aborted request leaves the queue at once', async () => {
  const first = engine.generate(request('Tell me a story'), never);
  await firstPiece(first);
  const abort = new AbortController();
  const second = collect(engine.generate(request('Hello'), abort.signal));
  abort.abort(new TypeError('gone'));
  await expect(second).rejects.toThrow('gone');
  expect(engine.slotsUsed).toBe(1);
  await first.return(undefined as never);
  expect(engine.slotsUsed).toBe(0);
});

test('a request beyond a full queue is refused, and served when it is repeated', async () => {
  const aborts = Array.from({ length: 65 }, () => new AbortController());
  const served = aborts.map(({ signal }) => collect(engine.generate(request('Tell me a story'), signal)));
  await expect(answer(engine, 'Hello')).rejects.toMatchObject({
    code: 'worker_busy',
    retryable: true,
    message: 'All 1 slots are taken and 64 requests are waiting already',
  });
  for (const abort of aborts) abort.abort();
  expect((await Promise.allSettled(served)).every(({ status }) => status === 'rejected')).toBe(true);
  expect((await answer(engine, 'Hello')).finishReason).toBe('stop');
});

test('the context has the requested size, although the engine allocates more', async () => {
  expect(engine.contextSize).toBe(300);
  const result = await answer(engine, 'Tell me a story', {
    jsonSchema: { type: 'array', items: { type: 'null' }, minItems: 200 },
  });
  expect(result).toMatchObject({ finishReason: 'length' });
  expect(result.promptTokens + result.completionTokens).toBe(300);
});
