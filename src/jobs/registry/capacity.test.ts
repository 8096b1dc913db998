import { expect, test } from 'vitest';
import { inputsLimitBytes, runningJobsLimit } from './capacity.ts';

const GB = 1024 ** 3;

test.each([
  [4 * GB, 32_768, GB / 4],
  [GB / 4, 2_048, GB / 64],
  [32 * GB, 262_144, GB / 2],
])('with a heap of %i bytes, %i jobs may run, and their requests may have %i bytes together', (heap, jobs, inputs) => {
  expect([runningJobsLimit(heap), inputsLimitBytes(heap)]).toEqual([jobs, inputs]);
});
