import type { DeviceKind } from '../../contract/index.ts';

/** A worker of this hive, as far as the memory of its device goes. */
export interface Running {
  id: string;
  worker: DeviceKind;
  device: number;
  /** Changes when it takes or gives back memory. */
  state: string;
  needBytes: number;
}

/** What the workers have that are there by now. What is loading is promised, and counted by whoever promises. */
export function takenBytes(running: readonly Running[], { worker, device }: Pick<Running, 'worker' | 'device'>): number {
  let bytes = 0;
  for (const each of running) {
    const isThere = each.state === 'ready' || each.state === 'stopping';
    if (isThere && each.worker === worker && each.device === device) bytes += each.needBytes;
  }
  return bytes;
}
