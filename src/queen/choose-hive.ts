import { JobError, LOCALHOST, type InputOf, type Worker } from '../contract/index.ts';

/** What is known of the fleet when a request comes in. */
export interface Fleet {
  hiveIds: readonly string[];
  workers: readonly Worker[];
}

/**
 * Which hive serves a request: the one it names; the one whose worker it names; the one with the model loaded and most free
 * slots; the local one; any. Pure: a table of cases tests it.
 * @throws JobError worker_not_found, hive_not_found
 */
export function chooseHive(request: Pick<InputOf<'infer'>, 'hive_id' | 'worker_id' | 'model'>, fleet: Fleet): string {
  if (request.hive_id !== undefined) return request.hive_id;
  const reachable = fleet.workers.filter(({ hive_id }) => fleet.hiveIds.includes(hive_id));
  if (request.worker_id !== undefined) return hiveOfWorker(request.worker_id, reachable, fleet.hiveIds);
  const loaded = reachable.filter(({ model, state }) => model === request.model && state !== 'loading');
  const [best] = loaded.toSorted((a, b) => freeSlots(b) - freeSlots(a));
  const hiveId = best?.hive_id ?? (fleet.hiveIds.includes(LOCALHOST) ? LOCALHOST : fleet.hiveIds[0]);
  if (hiveId === undefined) throw new JobError('hive_not_found', 'No hive is registered. To use this machine: rbee hive install');
  return hiveId;
}

/** Where there is one hive only, it knows best: the queen may have been restarted since the worker's last word. */
function hiveOfWorker(workerId: string, workers: readonly Worker[], hiveIds: readonly string[]): string {
  const worker = workers.find(({ worker_id }) => worker_id === workerId);
  const hiveId = worker?.hive_id ?? (hiveIds.length === 1 ? hiveIds[0] : undefined);
  if (hiveId === undefined) throw new JobError('worker_not_found', `Worker '${workerId}' not found on any hive`);
  return hiveId;
}

function freeSlots({ slots, slots_used }: Worker): number {
  return slots - slots_used;
}
