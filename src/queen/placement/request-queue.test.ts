import { expect, test, vi } from 'vitest';
import { spoken } from '../../narration/index.ts';
import { context as jobContext } from '../../jobs/fixtures/test-jobs.ts';
import { FailedHives } from './failed-hives.ts';
import { FleetIndex } from './fleet-index.ts';
import { cuda, fleet, hive, model, worker } from './fixtures/fleet.ts';
import { MemoryClaims } from './memory-claims.ts';
import { pendingRequest } from './pending-request.ts';
import type { PlacementOf } from './placement.ts';
import { RequestQueue } from './request-queue.ts';

test('a thousand requests that leave at once are one reason to look at the queue again', async () => {
  const index = FleetIndex.of(
    fleet(hive('attic', { devices: [cuda(0, 2)], models: [model('bee', 6)], workers: [worker('w1', 'bee')] })),
  );
  const wait: PlacementOf<'wait'> = {
    kind: 'wait',
    hive_id: 'attic',
    worker: index.worker('attic/w1'),
    slots: 1,
    isLoading: false,
  };
  const decide = vi.fn(() => wait);
  const queue = new RequestQueue({ decide, take: () => undefined, medianMs: () => undefined, claims: new MemoryClaims() });
  const request = (ticket: number, signal: AbortSignal) => {
    const ask = pendingRequest({ model: 'bee', prompt: 'hello' }, { signal, failedHives: new FailedHives(index), ticket });
    const run = spoken('queen-rbee', async function* () {
      return queue.wait(ask, wait);
    })(undefined, jobContext());
    return run.next().catch((cause: unknown) => cause);
  };
  const leaving = new AbortController();
  const left = Array.from({ length: 1_000 }, (_, at) => request(at, leaving.signal));
  const staying = request(1_000, new AbortController().signal);
  await new Promise((resolve) => setImmediate(resolve));
  const reason = new Error('of the test');
  leaving.abort(reason);
  expect(new Set(await Promise.all(left))).toEqual(new Set([reason]));
  await new Promise((resolve) => setImmediate(resolve));
  expect(decide).toHaveBeenCalledOnce();
  expect(await Promise.race([staying, Promise.resolve('still waits')])).toBe('still waits');
});
