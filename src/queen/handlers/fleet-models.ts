import type { FleetModel, FleetModels } from '../../apis/index.ts';
import { JobError, type ModelHeader } from '../../contract/index.ts';
import { askHeader } from '../hives/ask-model.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import type { Reach } from '../hives/reach.ts';
import type { ModelNames } from '../models/index.ts';
import type { FleetView } from '../presence/index.ts';

interface ModelParts {
  view: Pick<FleetView, 'fleet'>;
  hives: HiveCatalog;
  reach: Reach;
}

/** A hive reads a header from its disk. */
const HEADER_DEADLINE_MS = 30_000;

/** The models of all hives, as last reported. Only `header` sends a request. */
export function fleetModels({ view: { fleet }, hives, reach }: ModelParts, names: ModelNames): FleetModels {
  const find = (name: string, alias?: string): FleetModel[] => {
    const holders = fleet.holdersOf(name);
    const [model] = holders.values();
    if (model === undefined) return [];
    const workers = [...fleet.workersOf(name)].filter(({ state }) => state === 'ready' || state === 'busy');
    const hiveIds = [...holders.keys()].map(({ hive_id }) => hive_id);
    return [{ model: { ...model, model: alias ?? name }, workers, hiveIds, ...(alias === undefined ? {} : { alias }) }];
  };
  const isModel = (name: string) => fleet.holdersOf(name).size > 0;
  /** From the first hive that answers: the file is the same on all that have it. */
  const header = async ({ model, hiveIds, alias }: FleetModel, whole: boolean): Promise<ModelHeader> => {
    const query = { model: alias === undefined ? model.model : names.resolve(alias), header: whole ? 'whole' : 'short' } as const;
    let failure: unknown = new JobError('model_not_found', `No hive has a model '${query.model}'`);
    for (const hive of hiveIds.flatMap((id) => hives.find(id) ?? [])) {
      try {
        return await askHeader(hive, query, { reach, signal: AbortSignal.timeout(HEADER_DEADLINE_MS) });
      } catch (cause) {
        failure = cause;
      }
    }
    throw failure;
  };
  return {
    header,
    resolve: (name) => names.resolve(name),
    list: () => [
      ...fleet.modelNames().flatMap((name) => find(name)),
      ...names.list().flatMap(({ alias, model }) => (isModel(alias) ? [] : find(model, alias))),
    ],
  };
}
