import { hostname } from 'node:os';
import type { Capabilities, Device } from '../../contract/index.ts';
import { diskFreeBytes } from '../../daemon/index.ts';

export { chooseDevice, requireDevice } from './choose-device.ts';
export { engineEnvironment, visibleDevice } from './probe.ts';
export { Devices } from './devices.ts';
export type { Running } from './running.ts';

/** The devices, free memory and free disk of this machine now. */
export async function readCapabilities(
  hiveId: string,
  modelsDir: string,
  devices: () => Promise<Device[]>,
): Promise<Capabilities> {
  return {
    hive_id: hiveId,
    version: __RBEE_VERSION__,
    hostname: hostname(),
    os: process.platform,
    arch: process.arch,
    devices: await devices(),
    disk_free_bytes: await diskFreeBytes(modelsDir),
  };
}
