import * as path from 'node:path';
import { JobError, deviceKinds, type Model } from '../../contract/index.ts';
import { isDevice, parseDevice, type DevicePattern, type Where } from './device-name.ts';
import type { FleetIndex, IndexedHive } from './fleet-index.ts';
import type { PlacementMemory, PlacementRequest } from './placement.ts';

/** A request, what it restricts itself to, and all that is known when it is asked where it runs. */
export interface Question {
  readonly request: PlacementRequest;
  readonly fleet: FleetIndex;
  readonly memory: PlacementMemory;
  /** The hives that have the model on their disks. */
  readonly holders: ReadonlyMap<IndexedHive, Model>;
  /** The hive that it names. */
  readonly hive: IndexedHive | undefined;
  /** The device that it names. */
  readonly device: DevicePattern | undefined;
}

/** The question that a request is, or why it is none. */
export function asQuestion(request: PlacementRequest, fleet: FleetIndex, memory: PlacementMemory): Question | JobError {
  if (fleet.size === 0) return new JobError('hive_not_found', 'No hive is registered. To use this machine: rbee hive install');
  const { hive_id, device: wanted } = request;
  const hive = hive_id === undefined ? undefined : fleet.hive(hive_id);
  if (hive_id !== undefined && hive === undefined)
    return new JobError('hive_not_found', `Hive '${hive_id}' not found in configuration`);
  const device = wanted === undefined ? undefined : parseDevice(wanted);
  if (wanted !== undefined && device === undefined)
    return new JobError('invalid_input', `'${wanted}' is not a device; use for example ${deviceKinds.join(', ')} or cuda:1`);
  const { file, model } = request;
  const holders = file === undefined || hive === undefined ? fleet.holdersOf(model) : new Map([[hive, file]]);
  const question = { request, fleet, memory, holders, hive, device };
  const why = hive === undefined ? undefined : whyUnusable(hive, question);
  return hive === undefined || why === undefined ? question : new JobError('hive_unreachable', `Hive '${hive.hive_id}' ${why}`);
}

/** Only this hive, or any. */
export function isWanted(hive: IndexedHive, question: Question): boolean {
  return question.hive === undefined || question.hive === hive;
}

/** Whether something may be sent there now. */
export function isUsableHive(hive: IndexedHive, question: Question): boolean {
  return hive.state === 'up' && isWanted(hive, question) && question.request.failedHives?.has(hive.hive_id) !== true;
}

/** As the end of "hive 'attic' …"; undefined for one that can be used, if perhaps after waking it. */
export function whyUnusable(hive: IndexedHive, { request }: Question): string | undefined {
  return request.failedHives?.get(hive.hive_id) ?? (hive.state === 'out' ? (hive.why ?? 'cannot be used') : undefined);
}

export function isWantedDevice(where: Where, question: Question): boolean {
  return isDevice(question.device, where);
}

/** Such a file is in no report: only a hive can see it. */
export function isFile(model: string): boolean {
  return path.isAbsolute(model);
}

/** The hive to wake before anything is begun: the first of those that could be asked and are not heard of. */
export function unreported(question: Question, state: IndexedHive['state']): IndexedHive | undefined {
  let first: IndexedHive | undefined;
  for (const hive of question.fleet.unreported()) {
    if (hive.state !== state || !isWanted(hive, question) || whyUnusable(hive, question) !== undefined) continue;
    if (first === undefined || hive.hive_id < first.hive_id) first = hive;
  }
  return first;
}
