export { startRemote, statusRemote, stopRemote, type HiveStart, type InstalledHive, type RemoteStatus } from './hive-process.ts';
export { install, type InstallOrder } from './install.ts';
export { requireOwn, type Owner } from './owner.ts';
export type { HiveSite } from './site.ts';
export { uninstall, type Uninstalled } from './uninstall.ts';
