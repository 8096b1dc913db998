import type { Device, Worker } from '../../contract/index.ts';

/** Free memory for a new worker, as the hive reports it. */
export function freeBytes({ memory_free_bytes, promised_bytes = 0 }: Device): number {
  return memory_free_bytes - promised_bytes;
}

/** Memory that its end would free; 0 when unknown. */
export function heldBytes({ worker, need_bytes, memory_bytes }: Worker): number {
  // The resident memory of a process does not include GPU memory.
  return need_bytes ?? (worker === 'cpu' ? (memory_bytes ?? 0) : 0);
}
