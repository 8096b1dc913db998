import type { Device, Worker } from '../../contract/index.ts';

/** What a worker could get of a device, by the hive's own word. */
export function freeBytes({ memory_free_bytes, promised_bytes = 0 }: Device): number {
  return memory_free_bytes - promised_bytes;
}

/** What its end would make free. Nothing is counted on where nobody knows. */
export function heldBytes({ worker, need_bytes, memory_bytes }: Worker): number {
  // The resident memory of a process says nothing of what it holds of a GPU.
  return need_bytes ?? (worker === 'cpu' ? (memory_bytes ?? 0) : 0);
}
