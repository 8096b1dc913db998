import { deviceKinds, type DeviceKind } from '../../contract/index.ts';

/** The place of a device or worker on its machine. */
export interface Where {
  worker: DeviceKind;
  device: number;
}

/** 'cuda:1', or any device of the kind for 'cuda'. */
export interface DevicePattern {
  worker: DeviceKind;
  device: number | undefined;
}

/** Undefined for a text that names no device. */
export function parseDevice(text: string): DevicePattern | undefined {
  const [kind = '', number, ...more] = text.split(':');
  const worker = deviceKinds.find((known) => known === kind);
  if (worker === undefined || more.length > 0 || (number !== undefined && !/^\d{1,3}$/.test(number))) return undefined;
  return { worker, device: number === undefined ? undefined : Number(number) };
}

export function isDevice(pattern: DevicePattern | undefined, { worker, device }: Where): boolean {
  if (pattern === undefined) return true;
  return pattern.worker === worker && (pattern.device === undefined || pattern.device === device);
}

export function deviceName({ worker, device }: Where): string {
  return `${worker}:${device}`;
}

export function isGpu({ worker }: Pick<Where, 'worker'>): boolean {
  return worker !== 'cpu';
}
