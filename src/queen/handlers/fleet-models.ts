import type { FleetModels } from '../../apis/index.ts';
import type { FleetView } from '../presence/index.ts';

/** The models of all hives, as last reported: sends no request and starts no hive. */
export function fleetModels({ fleet }: Pick<FleetView, 'fleet'>): FleetModels {
  return {
    has: (name) => fleet.holdersOf(name).size > 0,
    list: () =>
      fleet.modelNames().flatMap((name) => {
        const [model] = fleet.holdersOf(name).values();
        const workers = [...fleet.workersOf(name)].filter(({ state }) => state === 'ready' || state === 'busy');
        return model === undefined ? [] : [{ model, workers }];
      }),
  };
}
