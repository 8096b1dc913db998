import { JobError, type Explanation, type InputOf } from '../../contract/index.ts';
import { fileModel, forHiveOfFile } from './file-model.ts';
import type { InferParts } from './reserve.ts';
import { refusedBecause } from '../placement/index.ts';

/** The decision that a request would get now. Starts nothing, and reserves nothing. */
export async function explain(input: InputOf<'explain'>, parts: InferParts, signal: AbortSignal): Promise<Explanation> {
  try {
    return await onItsHive(forHiveOfFile(input, parts.hives), parts, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof JobError) return refusedBecause(cause, input);
    throw cause;
  }
}

async function onItsHive(input: InputOf<'explain'>, parts: InferParts, signal: AbortSignal): Promise<Explanation> {
  const { dispatcher, hives, view } = parts;
  const { hive_id = '', model } = input;
  const isUp = view.watch(hive_id)?.state.kind === 'up';
  if (!isUp && hives.find(hive_id)?.stopped === true) {
    const says = `Hive '${hive_id}' is stopped: a request that names it starts it, and is then placed there.`;
    const candidate = { hive_id, device: '*', verdict: 'chosen' as const, reason: 'stopped; a request that names it starts it' };
    return { model, decision: 'spawn', says, hive_id, device: '*', candidates: [candidate] };
  }
  return dispatcher.explain({ ...input, file: isUp ? await fileModel(input, parts, { signal }) : undefined });
}
