import { model, modelWithHeader, type Hive, type Model, type ModelHeader } from '../../contract/index.ts';
import { badResponse, call } from '../../jobs/index.ts';
import type { Reach } from './reach.ts';

interface Asking {
  reach: Reach;
  signal: AbortSignal;
}

/**
 * A model, by its name or path, as its hive reads it from the file.
 * @throws JobError model_not_found, model_corrupt; why the hive cannot be reached
 */
export async function askModel(hive: Hive, query: { model: string }, { reach, signal }: Asking): Promise<Model> {
  await reach.ensure(hive, signal);
  const peer = reach.peerOf(hive);
  const parsed = model.safeParse(await call(peer, { method: 'GET', path: pathOf(query), repeatable: true, signal }));
  if (!parsed.success) throw badResponse(peer, 'The hive sent a malformed description of a model');
  return parsed.data;
}

/** A vocabulary of 300,000 tokens, with their types, their scores and the rules that merge them. */
const WHOLE_HEADER_LIMITS = { answerChars: 48 * 1024 * 1024, values: 3_000_000 };

/** The fields of its header; with the arrays of its tokenizer where `header` is whole. @throws JobError as `askModel` */
export async function askHeader(
  hive: Hive,
  query: { model: string; header: 'short' | 'whole' },
  { reach, signal }: Asking,
): Promise<ModelHeader> {
  await reach.ensure(hive, signal);
  const peer = reach.peerOf(hive);
  const answerLimits = query.header === 'whole' ? WHOLE_HEADER_LIMITS : undefined;
  const answer = await call(peer, { method: 'GET', path: pathOf(query), repeatable: true, signal, answerLimits });
  const parsed = modelWithHeader.safeParse(answer);
  if (!parsed.success) throw badResponse(peer, 'The hive sent a malformed header of a model');
  return parsed.data.header;
}

function pathOf(query: Record<string, string>): string {
  return `/v1/model?${new URLSearchParams(query).toString()}`;
}
