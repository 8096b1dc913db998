import type { Handlers, Run } from '../contract/index.ts';
import { listDevices, requireDevice } from './devices.ts';
import type { ModelStore } from './models/index.ts';
import { DEFAULT_SLOTS, describeWorker, type WorkerPool } from './workers/index.ts';

export interface WorkerParts {
  hiveId: string;
  workers: WorkerPool;
  models: ModelStore;
}

export function workerHandlers({ hiveId, workers, models }: WorkerParts) {
  const worker_spawn: Run<'worker_spawn'> = async function* (input, { signal }) {
    const { model, path } = await models.resolve(input.model);
    const device = requireDevice(input, await listDevices());
    const spec = { model: model.model, modelPath: path, ...device, slots: input.slots ?? DEFAULT_SLOTS, context: input.context };
    return describeWorker(await workers.spawn(spec, signal), hiveId);
  };

  const worker_list: Run<'worker_list'> = async function* () {
    return { workers: workers.list().map((worker) => describeWorker(worker, hiveId)) };
  };

  const worker_get: Run<'worker_get'> = async function* ({ worker_id }) {
    return describeWorker(workers.get(worker_id), hiveId);
  };

  const worker_delete: Run<'worker_delete'> = async function* ({ worker_id }) {
    await workers.remove(worker_id);
    return { worker_id };
  };

  const worker_restart: Run<'worker_restart'> = async function* ({ worker_id }, { signal }) {
    return describeWorker(await workers.restart(worker_id, signal), hiveId);
  };

  return { worker_spawn, worker_list, worker_get, worker_delete, worker_restart } satisfies Handlers;
}
