import type { FastifyRequest } from 'fastify';
import { JobError } from '../../contract/index.ts';
import { nearest } from '../../jobs/index.ts';
import { capabilitiesOf, meantModel, type FleetModel, type FleetModels } from '../common/index.ts';

/** GET /v1/models. The same objects serve clients of OpenAI and of Anthropic, which call the same path. */
export function listOfModels(models: readonly FleetModel[]): object {
  const data = models.map((entry) => modelObject(entry));
  return { object: 'list', data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

/** GET /v1/models/{id}. @throws JobError model_not_found */
export function getModel(models: FleetModels, id: string, request: Pick<FastifyRequest, 'ip'>): object {
  const name = meantModel(id, models, request);
  const all = models.list();
  const found = all.find(({ model }) => model.model === name);
  if (found !== undefined) return modelObject(found, id);
  const close = nearest(
    name,
    all.map(({ model }) => model.model),
  );
  throw new JobError(
    'model_not_found',
    `No hive has a model '${id.slice(0, 200)}'.${close === undefined ? '' : ` Did you mean ${close}?`}`,
  );
}

/** @param id as the client named it */
function modelObject({ model, workers }: FleetModel, id = model.model) {
  const trained = model.details?.context_length ?? model.memory?.context_length ?? null;
  const loaded = workers.map(({ hive_id, worker_id, worker, device }) => ({ hive_id, worker_id, device: `${worker}:${device}` }));
  return {
    id,
    object: 'model',
    created: Math.floor(Date.parse(model.created_at) / 1_000),
    owned_by: 'rbee',
    type: 'model',
    display_name: model.model,
    created_at: model.created_at,
    context_length: trained,
    max_model_len: longest(workers.map(({ context }) => context)) ?? trained,
    capabilities: capabilitiesOf(model),
    loaded,
  };
}

function longest(contexts: (number | undefined)[]): number | undefined {
  const known = contexts.filter((context) => context !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
