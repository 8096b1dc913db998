export { FleetView } from './fleet-view.ts';
export type { HiveWatch } from './hive-watch.ts';
