import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { waitingJobsLimit } from '../../jobs/index.ts';
import { context } from '../../jobs/fixtures/test-jobs.ts';
import { spoken } from '../../narration/index.ts';
import { SlotQueue, type Lease } from './slot-queue.ts';
import { worker } from './testing/worker.ts';
import type { WorkerProcess } from './worker-process.ts';

const any = { modelPath: '/tiny.gguf', workerId: undefined, device: undefined };
const alone = { ...any, isAlone: true };
const never = new AbortController().signal;

/** @returns the queue, and the waiting requests: undefined while they wait */
function queueOf(...workers: WorkerProcess[]) {
  const slots = new SlotQueue(
    () => workers,
    () => undefined,
  );
  const wait = (need: typeof any, signal = never) => {
    const waiting: { lease: Lease | undefined; error?: unknown } = { lease: undefined };
    const run = spoken('rbee-hive', async function* () {
      waiting.lease = await slots.wait(need, signal);
    })(undefined, context());
    run.next().catch((cause: unknown) => (waiting.error = cause));
    return waiting;
  };
  return { slots, wait };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a request that must run alone', () => {
  test('a request that must run alone gets all slots of an idle worker', () => {
    const one = worker('a');
    const { slots } = queueOf(one);
    const lease = slots.take(alone);
    expect([lease?.worker, one.inFlight]).toEqual([one, 2]);
    expect(slots.take(any)).toBeUndefined();
    lease?.release();
    expect(one.inFlight).toBe(0);
  });

  test('a request that must run alone waits until its worker is idle, and a later request gets no slot there before it', async () => {
    const { slots, wait } = queueOf(worker('a'));
    const other = slots.take(any);
    expect(slots.take(alone)).toBeUndefined();
    const waiting = wait(alone);
    await settle();
    expect(slots.take(any)).toBeUndefined();
    const later = wait(any);
    other?.release();
    await settle();
    expect([waiting.lease?.worker.id, later.lease]).toEqual(['a', undefined]);
    waiting.lease?.release();
    await settle();
    expect(later.lease?.worker.id).toBe('a');
  });

  test('requests that must run alone reserve one worker each and leave other workers to other requests', async () => {
    const { slots, wait } = queueOf(worker('a', { inFlight: 1 }), worker('b', { inFlight: 1 }), worker('c', { inFlight: 1 }));
    wait(alone);
    wait(alone);
    await settle();
    expect(slots.take(any)?.worker.id).toBe('c');
    expect(slots.take(any)).toBeUndefined();
  });

  test('a request that must run alone waits for another worker when its reserved one has exited', async () => {
    const [a, b] = [worker('a', { inFlight: 1 }), worker('b', { inFlight: 2 })];
    const { slots, wait } = queueOf(a, b);
    const waiting = wait(alone);
    await settle();
    a.state = { kind: 'exited', lastWords: undefined };
    b.inFlight = 0;
    slots.serve();
    await settle();
    expect(waiting.lease?.worker).toBe(b);
  });

  test('a cancelled request no longer reserves its worker', async () => {
    const { slots, wait } = queueOf(worker('a', { inFlight: 1 }));
    const cancelled = new AbortController();
    wait(alone, cancelled.signal);
    await settle();
    expect(slots.take(any)).toBeUndefined();
    cancelled.abort(new Error('enough'));
    await settle();
    expect(slots.take(any)?.worker.id).toBe('a');
  });

  describe('with a worker that is never idle', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());

    test('a request that must run alone fails with worker_busy after two minutes without an idle worker', async () => {
      const { slots, wait } = queueOf(worker('a', { inFlight: 1 }));
      const waiting = wait(alone);
      await settle();
      vi.advanceTimersByTime(120_000);
      await settle();
      expect(waiting.error).toMatchObject({ code: 'worker_busy' });
      expect(slots.take(any)?.worker.id).toBe('a');
    });

    test('does not fail while others run there alone, however long they take', async () => {
      const { slots, wait } = queueOf(worker('a'));
      let running = slots.take(alone);
      const [second, third] = [wait(alone), wait(alone)];
      for (const next of [second, third]) {
        await settle();
        vi.advanceTimersByTime(600_000);
        await settle();
        expect([next.lease, next.error]).toEqual([undefined, undefined]);
        running?.release();
        await settle();
        running = next.lease;
        expect(running?.worker.id).toBe('a');
      }
    });
  });
});

test('a released slot costs a few milliseconds with thousands of requests in the queue', () => {
  const workers = ['a', 'b', 'c', 'd'].map((id) => worker(id, { inFlight: 2 }));
  const { slots, wait } = queueOf(...workers);
  const leaving = new AbortController();
  const waiting = Array.from({ length: waitingJobsLimit() }, () => wait(any, leaving.signal));
  const cpuBefore = process.cpuUsage();
  for (let release = 0; release < 5; release += 1) slots.serve();
  leaving.abort(new Error('of the test'));
  expect(process.cpuUsage(cpuBefore).user).toBeLessThan(2e6);
  expect(waiting.every(({ lease }) => lease === undefined)).toBe(true);
});
