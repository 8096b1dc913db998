import type { FastifyRequest } from 'fastify';
import { JobError } from '../../contract/index.ts';
import { meantModel, parseBody, RequestError, type FleetModel, type FleetModels, type RunRequest } from '../common/index.ts';
import { modelOf } from './answer-input.ts';
import { copyBody, namedBody, showBody } from './body.ts';
import { shown } from './shown.ts';

/** POST /api/show */
export function show(models: FleetModels) {
  return async (request: FastifyRequest): Promise<object> => {
    const body = parseBody(showBody, request.body);
    const found = findModel(modelOf(body), models, request);
    return shown(found, await models.header(found, body.verbose === true));
  };
}

/** POST /api/copy: an alias, since there is no use for a second file. */
export function copy(models: FleetModels) {
  return (request: FastifyRequest, run: RunRequest): Promise<object | undefined> => {
    const { source, destination } = parseBody(copyBody, request.body);
    const { model } = findModel(source, models, request).model;
    return run({ operation: 'model_alias', inputs: [{ alias: destination, model }], answer: () => ({}) });
  };
}

/** DELETE /api/delete: an alias alone, or a model on all hives that have it. */
export function remove(models: FleetModels) {
  return (request: FastifyRequest, run: RunRequest): Promise<object | undefined> => {
    const named = modelOf(parseBody(namedBody, request.body));
    const { model, hiveIds, alias } = findModel(named, models, request);
    if (alias !== undefined) return run({ operation: 'model_unalias', inputs: [{ alias }], answer: () => ({}) });
    const inputs = hiveIds.map((hive_id) => ({ hive_id, model: model.model }));
    return run({ operation: 'model_delete', inputs, answer: () => ({}) });
  };
}

/** @throws JobError model_not_found */
function findModel(named: string, models: FleetModels, request: FastifyRequest): FleetModel {
  if (named === '') throw new RequestError('model', 'is missing');
  const known = models.list();
  const model = meantModel(named, models, request);
  const exact = (name: string) => known.find((each) => each.model.model === name);
  const found = exact(named) ?? exact(named.replace(/:latest$/, '')) ?? exact(model);
  if (found === undefined) throw new JobError('model_not_found', `No hive has a model '${named.slice(0, 200)}'`);
  return found;
}
