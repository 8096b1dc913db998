import { expect, test } from 'vitest';
import { lease, type Leasable } from './lease.ts';
import { SlotQueue } from './slot-queue.ts';
import { worker } from './testing/worker.ts';

test('a request that names a worker that has exited fails for good: no retry could reach it', async () => {
  const workers = [worker('w1', { kind: 'exited' })];
  const unused = () => expect.unreachable('no other worker is started for it');
  const pool: Leasable = {
    slots: new SlotQueue(
      () => workers,
      () => undefined,
    ),
    list: () => workers,
    read: unused,
    start: unused,
    evict: unused,
  };
  const need = { modelPath: '/tiny.gguf', workerId: 'w1', device: undefined };
  const leasing = lease(pool, { need, makeSpec: unused, signal: new AbortController().signal });
  await expect(leasing).rejects.toMatchObject({ code: 'worker_not_found', retryable: false });
});
