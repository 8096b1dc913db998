import * as z from 'zod';
import { DEFAULT_CONTEXT_TOKENS, DEFAULT_MODEL, JobError, LOCALHOST } from '../../contract/index.ts';
import { call, nearest, type Peer } from '../../jobs/client.ts';
import { askQueen } from '../queen/ask-queen.ts';
import type { Connection } from './connection.ts';

const answer = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      context_length: z.number().nullable(),
      max_model_len: z.number().nullable(),
      capabilities: z.array(z.string()),
      loaded: z.array(z.unknown()),
    }),
  ),
});
export type ListedModel = z.output<typeof answer>['data'][number];

/** The capability of a model that writes text. */
const WRITES = 'completion';

/** The variable of the token, for programs too. */
const TOKEN_VARIABLE = 'RBEE_TOKEN';

/** The models of the fleet, by the request with which programs list them. A queen that was just woken knows of none: its hive is asked. */
export async function listModels(queen: Peer, signal: AbortSignal): Promise<ListedModel[]> {
  const parsed = answer.safeParse(await call(queen, { method: 'GET', path: '/v1/models', repeatable: true, signal }));
  if (!parsed.success)
    throw new JobError('queen_bad_response', 'The queen returned a malformed list of models', { cause: parsed.error });
  return parsed.data.data.length > 0 ? parsed.data.data : modelsOfHive(queen, signal);
}

async function modelsOfHive(queen: Peer, signal: AbortSignal): Promise<ListedModel[]> {
  const { models } = await askQueen(queen, { operation: 'model_list', input: { hive_id: LOCALHOST }, signal });
  return models.map(({ model, memory, details }) => {
    const trained = memory?.context_length ?? null;
    const capabilities = details?.capabilities ?? [WRITES];
    return { id: model, context_length: trained, max_model_len: trained, capabilities, loaded: [] };
  });
}

/**
 * @param name of a model; undefined for the one that answers soonest
 * @throws JobError model_not_found; invalid_input for a model that writes no text
 */
export async function askConnection(
  queen: Peer,
  { name, signal }: { name: string | undefined; signal: AbortSignal },
): Promise<Omit<Connection, 'queenUrl'>> {
  const [models, keyVariable] = await Promise.all([listModels(queen, signal), neededKey(queen, signal)]);
  const model = name === undefined ? soonest(models) : named(models, name);
  const embeddingModel = models.find(({ capabilities }) => capabilities.includes('embedding'))?.id;
  return { keyVariable, model: model.id, embeddingModel, ...contextOf(model) };
}

/** Of the models that write text, a loaded one comes first, and the small one that is included comes last. */
export function soonest(models: readonly ListedModel[]): ListedModel {
  const writing = models.filter(writes);
  const others = writing.filter(({ id }) => id !== DEFAULT_MODEL);
  const found = others.find(({ loaded }) => loaded.length > 0) ?? others[0] ?? writing[0];
  if (found === undefined) throw new JobError('model_not_found', 'This fleet has no model that writes text.');
  return found;
}

function writes({ capabilities }: ListedModel): boolean {
  return capabilities.includes(WRITES);
}

/** @throws JobError model_not_found; invalid_input for a model that writes no text */
export function named(models: readonly ListedModel[], name: string): ListedModel {
  const found = models.find(({ id }) => id === name);
  if (found !== undefined && writes(found)) return found;
  if (found !== undefined)
    throw new JobError('invalid_input', `'${name}' does not write text. Choose a model that does: --model <name>`);
  const ids = models.filter(writes).map(({ id }) => id);
  const meant = nearest(name, ids);
  const help = meant === undefined ? `It has ${ids.join(', ') || 'none'}.` : `Did you mean ${meant}?`;
  throw new JobError('model_not_found', `This fleet has no model '${name}'. ${help}`);
}

/** A worker that is not started yet gets the default context, or less where the model was trained on less. */
function contextOf({ loaded, context_length, max_model_len }: ListedModel): Pick<Connection, 'contextTokens' | 'trainedTokens'> {
  const trainedTokens = context_length ?? max_model_len ?? DEFAULT_CONTEXT_TOKENS;
  const contextTokens =
    loaded.length > 0 && max_model_len !== null ? max_model_len : Math.min(trainedTokens, DEFAULT_CONTEXT_TOKENS);
  return { contextTokens, trainedTokens };
}

/**
 * Asked as a client without a key asks: commands of the queen's home need no token, but programs do. Its own protocol is asked, because an API
 * of another vendor answers with an error of that vendor.
 */
async function neededKey(queen: Peer, signal: AbortSignal): Promise<string | undefined> {
  try {
    await call({ ...queen, trust: undefined }, { method: 'GET', path: '/v1/jobs?limit=1', repeatable: true, signal });
    return undefined;
  } catch (cause) {
    if (cause instanceof JobError && cause.code === 'unauthorized') return TOKEN_VARIABLE;
    throw cause;
  }
}
