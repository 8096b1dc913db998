import { JobError, LOCALHOST, model, type Hive, type InputOf, type Model } from '../../contract/index.ts';
import { badResponse, call } from '../../jobs/index.ts';
import { patiently, type ForwardParts } from '../forward.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import { isFile } from '../placement/index.ts';

type Asked = Pick<InputOf<'infer'>, 'model' | 'hive_id' | 'worker_id'>;

/**
 * A request for the path of a file is for the hive on whose machine that path is looked up: the one that is named, or this machine's.
 * @throws JobError hive_stopped where that one was stopped on purpose, and nobody has named it
 */
export function forHiveOfFile<Input extends Asked>(input: Input, hives: HiveCatalog): Input {
  if (input.hive_id !== undefined || input.worker_id !== undefined || !isFile(input.model)) return input;
  const hive = hives.find(LOCALHOST) ?? hives.list().toSorted((a, b) => (a.hive_id < b.hive_id ? -1 : 1))[0];
  if (hive?.stopped === true) {
    const sentence = `Hive '${hive.hive_id}', where ${input.model} is looked for, is stopped. Start it: rbee hive start ${hive.hive_id}`;
    throw new JobError('hive_stopped', sentence);
  }
  return hive === undefined ? input : { ...input, hive_id: hive.hive_id };
}

/**
 * What a path names, with what it takes of a device, as its hive reads it from the file: a request for it is then placed as one for
 * a name is. Undefined for a name.
 * @throws JobError model_not_found, model_corrupt; what keeps the hive from being asked
 */
export async function fileModel(input: Asked, parts: ForwardParts, waiting: Waiting): Promise<Model | undefined> {
  if (input.hive_id === undefined || input.worker_id !== undefined || !isFile(input.model)) return undefined;
  const hive = parts.hives.find(input.hive_id);
  return hive && patiently(lookedUp(input.model, hive, { ...parts, ...waiting }), waiting.onWait);
}

interface Waiting {
  signal: AbortSignal;
  /** Told when the hive is waited for, to be started for example. */
  onWait?: (() => void) | undefined;
}

async function lookedUp(file: string, hive: Hive, { reach, signal }: ForwardParts & Waiting): Promise<Model> {
  await reach.ensure(hive, signal);
  const peer = reach.peerOf(hive);
  const path = `/v1/model?${new URLSearchParams({ model: file }).toString()}`;
  const parsed = model.safeParse(await call(peer, { method: 'GET', path, repeatable: true, signal }));
  if (!parsed.success) throw badResponse(peer, 'Hive described a model in a way that is not ours');
  return parsed.data;
}
