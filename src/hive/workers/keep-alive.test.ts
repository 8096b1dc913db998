import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openMemoryCatalog } from '../../jobs/index.ts';
import { KeepAlive } from './keep-alive.ts';
import { worker } from './testing/worker.ts';
import type { WorkerProcess } from './worker-process.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Workers that were used now, and the ids of those that are stopped. */
function start(...ids: string[]) {
  const catalog = openMemoryCatalog();
  const stopped: string[] = [];
  const workers = ids.map((id) => worker(id, { usedMs: performance.now() }));
  const stop = (each: WorkerProcess) => {
    each.state = { kind: 'stopping', port: 1 };
    stopped.push(each.id);
  };
  const parts = { catalog, workers: () => workers, stop };
  return { parts, stopped, workers, keepAlive: new KeepAlive(parts) };
}

test('a worker is stopped when it was idle for its seconds, and another one is not', () => {
  const { keepAlive, stopped } = start('a', 'b');
  keepAlive.set('a', 60);
  vi.advanceTimersByTime(59_999);
  expect(stopped).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(stopped).toEqual(['a']);
});

test('0 is after this request: while it runs nothing is stopped, and its end is what counts', () => {
  const { keepAlive, stopped, workers } = start('a');
  const [a] = workers as [WorkerProcess];
  a.inFlight = 1;
  keepAlive.set('a', 0);
  vi.advanceTimersByTime(100_000);
  expect(stopped).toEqual([]);
  a.inFlight = 0;
  a.usedMs = performance.now();
  keepAlive.changed();
  vi.advanceTimersByTime(1_000);
  expect(stopped).toEqual(['a']);
});

test('a worker that a request waits for, or that is pinned, is not stopped', () => {
  const { keepAlive, stopped, workers } = start('a');
  workers.push(worker('b', { pinned: true }));
  (workers[0] as WorkerProcess).awaited = 1;
  for (const id of ['a', 'b']) keepAlive.set(id, 1);
  vi.advanceTimersByTime(100_000);
  expect(stopped).toEqual([]);
});

test('the latest request decides, and -1 is never', () => {
  const { keepAlive, stopped, workers } = start('a');
  keepAlive.set('a', 10);
  keepAlive.set('a', -1);
  vi.advanceTimersByTime(1e9);
  expect(stopped).toEqual([]);
  expect(workers[0]?.keepAliveS).toBe(-1);
  keepAlive.set('a', 5);
  expect(stopped).toEqual(['a']);
});

test('it outlives the process of the hive, and a worker that is gone is forgotten', () => {
  const { keepAlive, stopped, parts } = start('a', 'b');
  keepAlive.set('a', 60);
  keepAlive.set('b', 60);
  keepAlive.forget('b');
  keepAlive.close();
  new KeepAlive(parts).restore();
  vi.advanceTimersByTime(100_000);
  expect(stopped).toEqual(['a']);
});

test('longer than a timer of the system can wait', () => {
  const { keepAlive, stopped } = start('a');
  keepAlive.set('a', 31_536_000);
  vi.advanceTimersByTime(31_535_999_000);
  expect(stopped).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(stopped).toEqual(['a']);
});
