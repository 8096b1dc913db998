export { createExplain, refusedBecause } from './explain.ts';
export { isFile } from './question.ts';
export { Dispatcher, type DispatcherParts } from './dispatcher.ts';
export { FleetIndex, type HiveState } from './fleet-index.ts';
export type { Lease, LeaseInput, LeaseOptions, Outcome } from './lease.ts';
