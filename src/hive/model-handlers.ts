import { JobError, type Handlers, type Run } from '../contract/index.ts';
import type { ModelStore } from './models/index.ts';
import type { WorkerPool } from './workers/index.ts';

interface ModelParts {
  models: ModelStore;
  workers: WorkerPool;
  /** Called when a model was added or removed. */
  onChange: () => void;
}

export function modelHandlers({ models, workers, onChange }: ModelParts) {
  const model_download: Run<'model_download'> = async function* ({ model: source, name, sha256 }, { signal }) {
    try {
      return yield* models.download({ source, name, sha256 }, signal);
    } finally {
      onChange();
    }
  };

  const model_list: Run<'model_list'> = async function* () {
    const unfinished = await models.unfinished();
    return { models: await models.list(), ...(unfinished.length === 0 ? {} : { unfinished }) };
  };

  const model_get: Run<'model_get'> = async function* ({ model }) {
    return (await models.resolve(model)).model;
  };

  const model_files: Run<'model_files'> = async function* ({ model }, { signal }) {
    return models.hubModels(model, signal);
  };

  const model_search: Run<'model_search'> = async function* (search, { signal }) {
    return models.searchHub(search, signal);
  };

  const model_delete: Run<'model_delete'> = async function* ({ model }) {
    const deleted = await models.remove(model, (path) => {
      const user = workers.list().find(({ spec, state }) => spec.modelPath === path && state.kind !== 'exited');
      if (user !== undefined) throw new JobError('model_in_use', `Worker '${user.id}' has model '${model}' loaded`);
    });
    onChange();
    return { model: deleted };
  };

  return { model_download, model_list, model_get, model_files, model_search, model_delete } satisfies Handlers;
}
