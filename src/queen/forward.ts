import {
  JobError,
  LOCALHOST,
  operations,
  type Handlers,
  type Hive,
  type JobContext,
  type OperationName,
  type Run,
} from '../contract/index.ts';
import { runOn, type Peer } from '../jobs/index.ts';
import { log, narrate } from '../narration/index.ts';
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
function forwardToHive(operation: OperationName, parts: ForwardParts): Run<OperationName> {
  return async function* (input, context) {
    const hive = parts.hives.get('hive_id' in input ? (input.hive_id ?? LOCALHOST) : LOCALHOST);
    return yield* runOnHive(operation, hive, parts)(input, context);
  };
}

/** The queen decides where, unless the request does. */
function forwardInfer(parts: ForwardParts): Run<'infer'> {
  return async function* (input, context) {
    const fleet = { hiveIds: parts.hives.list().map(({ hive_id }) => hive_id), workers: parts.workers.list() };
    const hive = parts.hives.get(chooseHive(input, fleet));
    return yield* runOnHive('infer', hive, parts)(input, context);
  };
}

/**
 * Wakes the local hive first if nobody has seen it awake. If it was awake and does not take the job, something has happened
 * to it: then it is looked at again, mended, and asked once more.
 */
function runOnHive<K extends OperationName>(operation: K, hive: Hive, { localHive, peerOf }: ForwardParts): Run<K> {
  return async function* (input, context) {
    await localHive.ensureRunning(hive, context.signal);
    narrate('forward', `forwarding ${operation} to hive '${hive.hive_id}'`, { detail: true });
    const job = { isTaken: false };
    const drives: JobContext['drives'] = (below) => {
      job.isTaken = true;
      context.drives(below);
    };
    const onReconnect = once((reason: string) => {
      narrate('hive_lost', `${reason}; taking the stream up again`);
      // A hive that died is started again: it then says how the job ended, instead of nobody saying anything.
      localHive.distrust();
      localHive.ensureRunning(hive, context.signal).catch((cause: unknown) => log.warn({ err: cause }, 'the local hive is lost'));
    });
    try {
      return yield* runOn(peerOf(hive), operation, { onReconnect })(input, { ...context, drives });
    } catch (cause) {
      const isHiveAtFault =
        cause instanceof JobError && (cause.code === 'hive_unreachable' || cause.code === 'hive_bad_response');
      if (!hive.managed || !isHiveAtFault) throw cause;
      localHive.distrust();
      if (job.isTaken) throw cause;
    }
    await localHive.ensureRunning(hive, context.signal);
    return yield* runOn(peerOf(hive), operation)(input, context);
  };
}

/** A stream that stays broken is tried again and again; it is worth one word. */
function once<T>(act: (value: T) => void): (value: T) => void {
  let isDone = false;
  return (value) => {
    if (isDone) return;
    isDone = true;
    act(value);
  };
}
