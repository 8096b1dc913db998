import {
  contextRefusal,
  DEFAULT_CONTEXT_TOKENS,
  DEFAULT_SLOTS,
  holdsContext,
  JobError,
  LOCALHOST,
} from '../../contract/index.ts';
import { chooseDevice, chooseDownload } from './choose-device.ts';
import { chooseEvictions } from './choose-evictions.ts';
import { isLargeEnough, lookAtWorker, lookAtWorkers, type Loaded } from './choose-worker.ts';
import type { Fleet } from './fleet.ts';
import { FleetIndex, type IndexedHive, type IndexedWorker } from './fleet-index.ts';
import { NO_MEMORY, type Placement, type PlacementMemory, type PlacementRequest } from './placement.ts';
import { asQuestion, isFile, isUsableHive, isWantedDevice, unreported, whyUnusable, type Question } from './question.ts';
import { refusal } from './refuse.ts';
import { waitForMemory } from './wait-for-memory.ts';

/**
 * Decides where a request runs. Pure and synchronous, and independent of the order of the fleet, so that a table of cases tests it. In
 * order of preference: a loaded worker with a free slot; waiting, as long as that takes about one turn of the slots; one more worker, where
 * memory is free, else by downloading the model to where memory is free, else by evicting idle workers; waiting until busy workers are
 * idle.
 */
export function place(request: PlacementRequest, fleet: Fleet, memory: PlacementMemory = NO_MEMORY): Placement {
  const question = asQuestion(request, FleetIndex.of(fleet), memory);
  return question instanceof JobError ? { kind: 'refuse', error: question } : decide(question);
}

export function decide(question: Question): Placement {
  const { worker_id, model, file } = question.request;
  if (worker_id !== undefined) return placeOnWorker(worker_id, question);
  // The same path may be another file on another hive. Once its hive has described it, it is placed like any model.
  if (isFile(model) && file === undefined) return placeFile(question);
  const loaded = lookAtWorkers(question);
  if (loaded.free !== undefined) return { kind: 'worker', worker: loaded.free };
  const asleep = unreported(question, 'asleep');
  if (asleep !== undefined) return { kind: 'wake', hive: asleep };
  const wait = waitFor(loaded, question);
  if (wait !== undefined && (wait.isLoading || (question.request.ahead ?? 0) < loaded.turns)) return wait;
  return chooseDevice(question, loaded) ?? makeRoom(loaded, question) ?? wait ?? lastResort(question);
}

function makeRoom(loaded: Loaded, question: Question): Placement | undefined {
  // A short burst of requests is no reason to download gigabytes.
  const download = loaded.slots > 0 ? undefined : chooseDownload(question, loaded);
  return download ?? chooseEvictions(question, loaded);
}

/** A hive that is up and has reported nothing yet may have all that is missing. Otherwise the request waits for busy workers. */
function lastResort(question: Question): Placement {
  const silent = unreported(question, 'up');
  if (silent !== undefined) return { kind: 'wake', hive: silent };
  return waitForMemory(question) ?? { kind: 'refuse', error: refusal(question) };
}

/** What there is to wait for: a load first, since a second load of the same model would finish later. */
function waitFor({ next, isLoading, slots }: Loaded, question: Question): Extract<Placement, { kind: 'wait' }> | undefined {
  const { fleet, memory, request } = question;
  const spawn = memory.spawns.spawnOf(request.model, ({ hiveId, where, context }) => {
    const hive = fleet.hive(hiveId);
    return (
      hive !== undefined &&
      isUsableHive(hive, question) &&
      isWantedDevice(where, question) &&
      holdsContext(context, request.context)
    );
  });
  if (next !== undefined && (spawn === undefined || slots > 0))
    return {
      kind: 'wait',
      hive_id: next.hive_id,
      worker: next,
      slots: slots || next.slots,
      isLoading: isLoading || spawn !== undefined,
    };
  if (spawn !== undefined)
    return { kind: 'wait', hive_id: spawn.hiveId, worker: undefined, slots: DEFAULT_SLOTS, isLoading: true };
  return undefined;
}

/** Its hive reports best why the worker cannot be used, if it cannot. */
function placeOnWorker(workerId: string, question: Question): Placement {
  const { fleet, hive: named } = question;
  const worker = named === undefined ? findWorker(workerId, fleet) : named.byId.get(workerId);
  if (worker === undefined) {
    const hive = unreported(question, 'asleep') ?? unreported(question, 'up');
    if (hive !== undefined) return { kind: 'wake', hive };
    const where = named === undefined ? 'any hive' : `hive '${named.hive_id}'`;
    return { kind: 'refuse', error: new JobError('worker_not_found', `Worker '${workerId}' not found on ${where}`) };
  }
  const closed = closedOrAsleep(worker.hive, question);
  if (closed !== undefined) return closed;
  const { context } = question.request;
  if (context !== undefined && !isLargeEnough(worker, question)) {
    const has = { context: worker.context ?? DEFAULT_CONTEXT_TOKENS, what: `worker '${workerId}'` };
    return { kind: 'refuse', error: contextRefusal(context, has) };
  }
  const { next, slots, isLoading } = lookAtWorker(worker, question);
  if (next === undefined) return { kind: 'worker', worker };
  return { kind: 'wait', hive_id: worker.hive_id, worker, slots: slots || worker.slots, isLoading };
}

/** A path can be read only on its own machine: that of the named hive, or this one. */
function placeFile(question: Question): Placement {
  const hive = question.hive ?? question.fleet.hive(LOCALHOST) ?? question.fleet.hives[0];
  if (hive === undefined) return { kind: 'refuse', error: refusal(question) };
  const where = hive.report?.devices.find((device) => question.device !== undefined && isWantedDevice(device, question));
  return closedOrAsleep(hive, question) ?? { kind: 'spawn', hive, where, bytes: 0 };
}

function closedOrAsleep(hive: IndexedHive, question: Question): Placement | undefined {
  const why = whyUnusable(hive, question);
  if (why !== undefined) return { kind: 'refuse', error: new JobError('hive_unreachable', `Hive '${hive.hive_id}' ${why}`) };
  return hive.state === 'asleep' ? { kind: 'wake', hive } : undefined;
}

function findWorker(workerId: string, fleet: FleetIndex): IndexedWorker | undefined {
  for (const { byId } of fleet.hives) {
    const worker = byId.get(workerId);
    if (worker !== undefined) return worker;
  }
  return undefined;
}
