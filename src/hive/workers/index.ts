export type { MakeSpec } from './lease.ts';
export type { Lease } from './slot-queue.ts';
export { WorkerPool } from './worker-pool.ts';
export { describeWorker, type WorkerProcess } from './worker-process.ts';
