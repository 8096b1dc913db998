export { describeWorker, type WorkerSpec } from './worker-process.ts';
export type { Lease } from './slot-queue.ts';
export { WorkerPool } from './worker-pool.ts';

/** Requests that a worker serves at once when nobody says otherwise. */
export const DEFAULT_SLOTS = 4;
