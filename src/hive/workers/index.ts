export { describeWorker } from './worker-process.ts';
export type { MakeSpec } from './lease.ts';
export type { Lease } from './slot-queue.ts';
export { WorkerPool } from './worker-pool.ts';
