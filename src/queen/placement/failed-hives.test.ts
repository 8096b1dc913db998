import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { FailedHives } from './failed-hives.ts';
import { FleetIndex } from './fleet-index.ts';
import { cpu, fleet, hive } from './fixtures/fleet.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const attic = hive('attic', { devices: [cpu(60)] });
const gone = hive('attic', { state: 'asleep' });

test('a hive that failed a request is excluded until it comes up again', () => {
  const index = FleetIndex.of(fleet(attic));
  const failedHives = new FailedHives(index);
  failedHives.add('attic', 'could not start a worker', new JobError('model_corrupt', 'no model'));
  index.applyHive(attic);
  expect([...failedHives.now()]).toEqual([['attic', 'could not start a worker']]);
  index.applyHive(gone);
  expect(failedHives.now().size).toBe(1);
  index.applyHive(attic);
  expect([failedHives.now().size, failedHives.failure]).toEqual([0, undefined]);
});

test('a retryable failure is forgotten after a minute, and another one is kept', () => {
  const index = FleetIndex.of(fleet(attic, hive('shed', { devices: [] })));
  const failedHives = new FailedHives(index);
  failedHives.add('attic', 'has no room', new JobError('no_room', 'full'));
  failedHives.add('shed', 'cannot read the model', new JobError('model_corrupt', 'no model'));
  vi.advanceTimersByTime(59_000);
  expect([...failedHives.now().keys()]).toEqual(['attic', 'shed']);
  vi.advanceTimersByTime(1_000);
  expect([...failedHives.now().keys()]).toEqual(['shed']);
});
