import { JobError, LOCALHOST, type InputOf, type Model } from '../../contract/index.ts';
import { patiently, type ForwardParts } from '../forward.ts';
import { askModel } from '../hives/ask-model.ts';
import type { HiveCatalog } from '../hives/hive-catalog.ts';
import { isFile } from '../placement/index.ts';

type FileRequest = Pick<InputOf<'infer'>, 'model' | 'hive_id' | 'worker_id'>;

/**
 * A request for the path of a file runs on the hive whose machine has the file: the one that it names, or else this machine's.
 * @throws JobError hive_stopped when that hive was stopped on purpose and the request does not name it
 */
export function forHiveOfFile<Input extends FileRequest>(input: Input, hives: HiveCatalog): Input {
  if (input.hive_id !== undefined || input.worker_id !== undefined || !isFile(input.model)) return input;
  const hive = hives.find(LOCALHOST) ?? hives.list().toSorted((a, b) => (a.hive_id < b.hive_id ? -1 : 1))[0];
  if (hive?.stopped === true) {
    const sentence = `Hive '${hive.hive_id}', which would read ${input.model}, is stopped`;
    throw new JobError('hive_stopped', sentence);
  }
  return hive === undefined ? input : { ...input, hive_id: hive.hive_id };
}

/**
 * The model at a path, with its memory need, as its hive reads it from the file: the request is then placed like one for a name.
 * Undefined for a name.
 * @throws JobError model_not_found, model_corrupt; why the hive cannot be reached
 */
export async function fileModel(input: FileRequest, parts: ForwardParts, waiting: Waiting): Promise<Model | undefined> {
  if (input.hive_id === undefined || input.worker_id !== undefined || !isFile(input.model)) return undefined;
  const hive = parts.hives.find(input.hive_id);
  return hive && patiently(askModel(hive, { model: input.model }, { ...parts, ...waiting }), waiting.onWait);
}

interface Waiting {
  signal: AbortSignal;
  /** Called when the request has to wait for the hive, for example until it is started. */
  onWait?: (() => void) | undefined;
}
