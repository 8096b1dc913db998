import { LOCALHOST, operations, type Handlers, type Hive, type OperationName, type Run } from '../contract/index.ts';
import { runOn, type Peer } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import { chooseHive } from './choose-hive.ts';
import type { HiveCatalog } from './hive-catalog.ts';
import type { LocalHive } from './local-hive.ts';
import type { WorkerRegistry } from './worker-registry.ts';

export interface ForwardParts {
  hives: HiveCatalog;
  localHive: LocalHive;
  workers: WorkerRegistry;
  peerOf: (hive: Hive) => Peer;
}

/** Forwards without understanding: every operation that is not the queen's own goes to a hive, as it came. */
export function forwardHandlers(parts: ForwardParts): Handlers {
  const names = (Object.keys(operations) as OperationName[]).filter((name) => operations[name].runsOn === 'hive');
  return { ...Object.fromEntries(names.map((name) => [name, forwardToHive(name, parts)])), infer: forwardInfer(parts) };
}

/** The hive that the input names. */
function forwardToHive(operation: OperationName, { hives, localHive, peerOf }: ForwardParts): Run<OperationName> {
  return async function* (input, context) {
    const hive = hives.get('hive_id' in input ? (input.hive_id ?? LOCALHOST) : LOCALHOST);
    await localHive.ensureRunning(hive);
    narrate('forward', `forwarding ${operation} to hive '${hive.hive_id}'`, { detail: true });
    return yield* runOn(peerOf(hive), operation)(input, context);
  };
}

/** The queen decides where, unless the request does. */
function forwardInfer({ hives, localHive, workers, peerOf }: ForwardParts): Run<'infer'> {
  return async function* (input, context) {
    const fleet = { hiveIds: hives.list().map(({ hive_id }) => hive_id), workers: workers.list() };
    const hive = hives.get(chooseHive(input, fleet));
    await localHive.ensureRunning(hive);
    narrate('forward', `forwarding infer to hive '${hive.hive_id}'`, { detail: true });
    return yield* runOn(peerOf(hive), 'infer')(input, context);
  };
}
