import { JobError } from '../../contract/index.ts';
import type { RoleRoutes } from '../../jobs/index.ts';
import { answerOfOne } from './answer.ts';
import { serveAnswersAt } from './api-routes.ts';
import type { FleetModel, FleetModels } from './model-names.ts';

/**
 * GET `path`, and HEAD: a list of the models of the fleet. Where no hive has reported yet, the local one is started to report.
 * @param shape the list as the API has it
 */
export function serveModelList(
  routes: RoleRoutes,
  path: string,
  { models, shape }: { models: FleetModels; shape: (models: readonly FleetModel[]) => object },
): void {
  serveAnswersAt(routes, { path, method: 'GET' }, async (_request, run) => {
    const known = models.list();
    if (known.length > 0) return shape(known);
    const answer = answerOfOne<'model_list'>((output) => shape(output.models.map(unloaded)));
    try {
      return await run({ operation: 'model_list', inputs: [{}], answer });
    } catch (cause) {
      if (cause instanceof JobError && HAS_NONE.has(cause.code)) return shape([]);
      throw cause;
    }
  });
}

/** A fleet without a local hive, or with one that was stopped on purpose. */
const HAS_NONE: ReadonlySet<string> = new Set(['hive_not_found', 'hive_stopped']);

/** The hive has just started: it has no workers yet. */
function unloaded(model: FleetModel['model']): FleetModel {
  return { model, workers: [], hiveIds: [] };
}
