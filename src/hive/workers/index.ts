export { describeWorker } from './worker-process.ts';
export type { MakeSpec } from './lease.ts';
export { needOf } from './memory-need.ts';
export type { Lease } from './slot-queue.ts';
export { WorkerPool } from './worker-pool.ts';

/** Requests that a worker serves at once when nobody says otherwise. */
export const DEFAULT_SLOTS = 4;
