import type { FleetModel, FleetModels } from '../../apis/index.ts';
import type { ModelNames } from '../models/index.ts';
import type { FleetView } from '../presence/index.ts';

/** The models of all hives, as last reported: sends no request and starts no hive. */
export function fleetModels({ fleet }: Pick<FleetView, 'fleet'>, names: ModelNames): FleetModels {
  const find = (name: string, alias?: string): FleetModel[] => {
    const holders = fleet.holdersOf(name);
    const [model] = holders.values();
    if (model === undefined) return [];
    const workers = [...fleet.workersOf(name)].filter(({ state }) => state === 'ready' || state === 'busy');
    const hiveIds = [...holders.keys()].map(({ hive_id }) => hive_id);
    return [{ model: { ...model, model: alias ?? name }, workers, hiveIds, ...(alias === undefined ? {} : { alias }) }];
  };
  const isModel = (name: string) => fleet.holdersOf(name).size > 0;
  return {
    resolve: (name) => names.resolve(name),
    list: () => [
      ...fleet.modelNames().flatMap((name) => find(name)),
      ...names.list().flatMap(({ alias, model }) => (isModel(alias) ? [] : find(model, alias))),
    ],
  };
}
