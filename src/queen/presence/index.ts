export { FleetView, type FleetObserver } from './fleet-view.ts';
export { stopped } from './hive-state.ts';
export type { HiveWatch } from './hive-watch.ts';
