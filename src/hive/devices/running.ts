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

/** Memory of the workers that have loaded. That of loading workers is promised, and counted by the ledger. */
export function takenBytes(running: readonly Running[], { worker, device }: Pick<Running, 'worker' | 'device'>): number {
  let bytes = 0;
  for (const each of running) {
    const isThere = each.state === 'ready' || each.state === 'stopping';
    if (isThere && each.worker === worker && each.device === device) bytes += each.needBytes;
  }
  return bytes;
}
