import { expect, test } from 'vitest';
import { inputsLimitBytes, runningJobsLimit, waitingJobsLimit } from './capacity.ts';

const GB = 1024 ** 3;

test.each([
  [4 * GB, 32_768, 4_096, GB / 4],
  [GB / 4, 2_048, 256, GB / 64],
  [32 * GB, 262_144, 32_768, GB / 2],
])(
  'with a heap of %i bytes, %i jobs may run, %i may wait in a queue, and their requests may have %i bytes together',
  (heap, ...limits) => {
    expect([runningJobsLimit(heap), waitingJobsLimit(heap), inputsLimitBytes(heap)]).toEqual(limits);
  },
);
