import { DEFAULT_ENGINE, DEFAULT_SLOTS, memoryNeed, type Handlers, type Run } from '../contract/index.ts';
import { requireDevice } from './devices/index.ts';
import type { ModelStore } from './models/index.ts';
import { describeWorker, type WorkerPool } from './workers/index.ts';

export interface WorkerParts {
  hiveId: string;
  workers: WorkerPool;
  models: ModelStore;
}

export function workerHandlers({ hiveId, workers, models }: WorkerParts) {
  const worker_spawn: Run<'worker_spawn'> = async function* (input, { signal }) {
    const { model, path } = await models.resolve(input.model);
    const { slots = DEFAULT_SLOTS, context, pin, worker: kind } = input;
    const need = model.memory && memoryNeed(model.memory, { slots, context, worker: kind });
    const spawned = await workers.spawn((devices) => {
      const device = requireDevice(input, devices);
      return { model: model.model, modelPath: path, engine: DEFAULT_ENGINE, ...device, slots, context, pinned: pin, need };
    }, signal);
    return describeWorker(spawned, hiveId);
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
