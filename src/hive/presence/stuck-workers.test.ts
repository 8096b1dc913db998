import { expect, test } from 'vitest';
import { STUCK_MS, StuckWorkers } from './stuck-workers.ts';

const heartbeat = (steps: number, slots_used = 1) => ({ worker_id: 'w1', steps, slots_used });

test('a worker with requests in its slots is stuck when it has made no step for 10 minutes', () => {
  const stuck = new StuckWorkers();
  expect(stuck.isStuck(heartbeat(5), 0)).toBe(false);
  expect(stuck.isStuck(heartbeat(5), STUCK_MS - 1)).toBe(false);
  expect(stuck.isStuck(heartbeat(5), STUCK_MS)).toBe(true);
});

test('a worker that makes a step now and then, or has nothing to do, is not stuck', () => {
  const stuck = new StuckWorkers();
  for (let step = 0; step < 10; step += 1) expect(stuck.isStuck(heartbeat(step), step * (STUCK_MS - 1))).toBe(false);
  expect(stuck.isStuck(heartbeat(10, 0), 20 * STUCK_MS)).toBe(false);
  expect(stuck.isStuck(heartbeat(10, 0), 30 * STUCK_MS)).toBe(false);
  expect(stuck.isStuck(heartbeat(10), 30 * STUCK_MS + 1)).toBe(false);
});
