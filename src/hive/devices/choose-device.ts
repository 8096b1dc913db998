import { JobError, deviceKinds, type Device, type DeviceKind } from '../../contract/index.ts';

/**
 * @param wanted 'cuda:1' or 'cpu'; when undefined, the GPU with the most free memory that is not promised, or else the CPU
 * @throws JobError invalid_input, device_not_found
 */
export function chooseDevice(wanted: string | undefined, devices: readonly Device[]): { worker: DeviceKind; device: number } {
  if (wanted === undefined) {
    const free = (each: Device) => each.memory_free_bytes - (each.promised_bytes ?? 0);
    const gpus = devices.filter(({ worker, usable }) => worker !== 'cpu' && usable !== false);
    const [best] = gpus.toSorted((a, b) => free(b) - free(a));
    return best === undefined ? { worker: 'cpu', device: 0 } : { worker: best.worker, device: best.device };
  }
  const [kind = '', number = '0'] = wanted.split(':');
  const worker = deviceKinds.find((known) => known === kind);
  if (worker === undefined || !/^\d{1,3}$/.test(number)) {
    throw new JobError('invalid_input', `'${wanted}' is not a device; use for example ${deviceKinds.join(', ')} or cuda:1`);
  }
  return requireDevice({ worker, device: Number(number) }, devices);
}

/** @throws JobError device_not_found */
export function requireDevice(
  wanted: { worker: DeviceKind; device: number },
  devices: readonly Device[],
): { worker: DeviceKind; device: number } {
  const isThere = devices.some(({ worker, device }) => worker === wanted.worker && device === wanted.device);
  if (isThere) return { worker: wanted.worker, device: wanted.device };
  const there = devices.map(({ worker, device }) => `${worker}:${device}`).join(', ');
  throw new JobError('device_not_found', `No device ${wanted.worker}:${wanted.device} on this machine; it has ${there}`);
}
