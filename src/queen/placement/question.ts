import * as path from 'node:path';
import { contextRefusal, defaultNeedBytes, JobError, deviceKinds, type Model } from '../../contract/index.ts';
import { isDevice, parseDevice, type DevicePattern, type Where } from './device-name.ts';
import type { FleetIndex, IndexedHive } from './fleet-index.ts';
import type { PlacementMemory, PlacementRequest } from './placement.ts';

/** A request, its restrictions, and everything known when it is placed. */
export interface Question {
  readonly request: PlacementRequest;
  readonly fleet: FleetIndex;
  readonly memory: PlacementMemory;
  /** Hives that have the model on disk. */
  readonly holders: ReadonlyMap<IndexedHive, Model>;
  /** The hive that the request names. */
  readonly hive: IndexedHive | undefined;
  /** The device that the request names. */
  readonly device: DevicePattern | undefined;
}

/** The question for a request, or the error when the request cannot be placed at all. */
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
  const large = withContext(holders, request);
  if (large instanceof JobError) return large;
  const question = { request, fleet, memory, holders: large, hive, device };
  const why = hive === undefined ? undefined : whyUnusable(hive, question);
  return hive === undefined || why === undefined ? question : new JobError('hive_unreachable', `Hive '${hive.hive_id}' ${why}`);
}

type Holders = Question['holders'];

/** Of the hives with the model, those where it has the context that the request needs: the same name may be another file. */
function withContext(holders: Holders, { context, model }: PlacementRequest): Holders | JobError {
  if (context === undefined || holders.size === 0) return holders;
  const limitOf = ({ memory }: Model) => memory?.context_length ?? Infinity;
  const large = new Map([...holders].filter(([, held]) => limitOf(held) >= context));
  if (large.size > 0) return large;
  return contextRefusal(context, { context: Math.max(...[...holders.values()].map(limitOf)), what: `model '${model}'` });
}

/** Memory of a new worker for the request, with its slots and its context. */
export function needBytes(model: Pick<Model, 'memory' | 'size_bytes'>, { worker }: Where, { request }: Question): number {
  return defaultNeedBytes(model, worker, request);
}

/** Whether the request may run on this hive. */
export function isWanted(hive: IndexedHive, question: Question): boolean {
  return question.hive === undefined || question.hive === hive;
}

/** Whether the hive is up and may get the request now. */
export function isUsableHive(hive: IndexedHive, question: Question): boolean {
  return hive.state === 'up' && isWanted(hive, question) && question.request.failedHives?.has(hive.hive_id) !== true;
}

/** Completes "hive 'attic' …"; undefined for a hive that can be used, possibly after starting it. */
export function whyUnusable(hive: IndexedHive, { request }: Question): string | undefined {
  return request.failedHives?.get(hive.hive_id) ?? (hive.state === 'out' ? (hive.why ?? 'cannot be used') : undefined);
}

export function isWantedDevice(where: Where, question: Question): boolean {
  return isDevice(question.device, where);
}

/** Paths are in no report: only a hive can read the file. */
export function isFile(model: string): boolean {
  return path.isAbsolute(model);
}

/** The hive to start first: the first one that may serve the request and has reported nothing. */
export function unreported(question: Question, state: IndexedHive['state']): IndexedHive | undefined {
  let first: IndexedHive | undefined;
  for (const hive of question.fleet.unreported()) {
    if (hive.state !== state || !isWanted(hive, question) || whyUnusable(hive, question) !== undefined) continue;
    if (first === undefined || hive.hive_id < first.hive_id) first = hive;
  }
  return first;
}
