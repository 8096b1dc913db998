import { getHeapStatistics } from 'node:v8';

/** What jobs may take of this process, by the heap that it may have: Node's limit, which follows the memory of the machine. */
const HEAP_BYTES = getHeapStatistics().heap_size_limit;

/**
 * Heap for one running job. 2.4 KB were measured for one that waits in the queue without a reader; the rest is for its reader, its job
 * below and the events under way.
 */
const JOB_BYTES = 16 * 1024;

/** Jobs that may run at once: an eighth of the heap for them. At 4 GB about 33,000. */
export function runningJobsLimit(heapBytes = HEAP_BYTES): number {
  return Math.floor(heapBytes / 8 / JOB_BYTES);
}

/**
 * Requests that may wait in one queue for a slot: an eighth of the jobs that may run, about 4,000 at 4 GB. Each change of a fleet looks at all
 * that wait, which takes a millisecond or more for so many.
 */
export function waitingJobsLimit(heapBytes = HEAP_BYTES): number {
  return Math.floor(runningJobsLimit(heapBytes) / 8);
}

/** Size of all requests whose jobs have not ended. Wherever a request is (read, forwarded, on disk), memory holds its size once or a few times. */
export function inputsLimitBytes(heapBytes = HEAP_BYTES): number {
  return Math.round(Math.min(512 * 1024 * 1024, heapBytes / 16));
}
