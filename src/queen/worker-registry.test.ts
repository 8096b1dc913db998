import { expect, test } from 'vitest';
import type { WorkerHeartbeat } from '../contract/index.ts';
import { WorkerRegistry } from './worker-registry.ts';

const heartbeat: WorkerHeartbeat = {
  worker_id: 'worker-0',
  hive_id: 'localhost',
  model: 'tiny',
  worker: 'cpu',
  device: 0,
  state: 'ready',
  port: 9001,
  slots: 1,
  slots_used: 0,
  tokens_per_s: 0,
  memory_bytes: 0,
};

test('a bounded number of workers is remembered, whatever is said; the ones heard of last stay', () => {
  const registry = new WorkerRegistry();
  registry.record({ ...heartbeat, worker_id: 'faithful' });
  for (let each = 0; each < 20_000; each += 1) {
    registry.record({ ...heartbeat, worker_id: `worker-${each}` });
    if (each % 1_000 === 0) registry.record({ ...heartbeat, worker_id: 'faithful' });
  }
  expect(registry.list().length).toBe(10_000);
  expect(registry.find('localhost', 'faithful')).toBeDefined();
  expect(registry.find('localhost', 'worker-0')).toBeUndefined();
});

test('a worker that stops is forgotten at once', () => {
  const registry = new WorkerRegistry();
  registry.record(heartbeat);
  registry.record({ ...heartbeat, state: 'stopping' });
  expect(registry.list()).toEqual([]);
});
