import type { LlamaContextSequenceRepeatPenalty, LlamaModel, SequenceEvaluateOptions, Token, TokenBias } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import type { GenerateRequest } from '../engine.ts';
import type { LlamaModule } from './llama-module.ts';
import { unknownToken } from './prompt.ts';
import type { RecentTokens } from './recent-tokens.ts';
import type { Recommendation } from './recommended-sampling.ts';
import type { Vocabulary } from './vocabulary.ts';

const DEFAULT_TEMPERATURE = 0.7;

/**
 * The sampling of requests that set none: llama.cpp's own defaults. Without them the tiny model gets 3 of 100
 * sums wrong at temperature 0.7, with them none, and every token of a large vocabulary would have to be sorted.
 */
const DEFAULT_TOP_K = 40;
const DEFAULT_TOP_P = 0.95;
const DEFAULT_MIN_P = 0.05;

/** llama.cpp takes this seed to mean "a random one". */
const RANDOM_SEED = 0xffff_ffff;

type Sampling = Pick<SequenceEvaluateOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'seed' | 'repeatPenalty' | 'tokenBias'>;

export interface SamplingModel {
  module: LlamaModule;
  model: LlamaModel;
  vocabulary: Vocabulary;
  recommended: Recommendation;
  /** What the penalties look at. */
  recent: RecentTokens;
}

/** How tokens are chosen: as the request says, else as the model's header recommends, else by default. @throws JobError invalid_input */
export function samplingOf(request: GenerateRequest, around: SamplingModel): Sampling {
  const { recommended } = around;
  const { temperature, topK, topP, minP, seed } = request;
  const tokenBias = biasOf(request, around);
  const repeatPenalty = penaltyOf(request, around);
  return {
    temperature: temperature ?? recommended.temperature ?? DEFAULT_TEMPERATURE,
    topK: topK ?? recommended.topK ?? DEFAULT_TOP_K,
    topP: topP ?? recommended.topP ?? DEFAULT_TOP_P,
    minP: minP ?? recommended.minP ?? DEFAULT_MIN_P,
    seed: seed === RANDOM_SEED ? 0 : seed,
    ...(repeatPenalty && { repeatPenalty }),
    ...(tokenBias && { tokenBias }),
  };
}

function penaltyOf(
  { penalties = {} }: GenerateRequest,
  { recommended, recent }: SamplingModel,
): LlamaContextSequenceRepeatPenalty | undefined {
  const { presence = 0, frequency = 0, repeat = recommended.repeatPenalty ?? 1 } = penalties;
  if (recent.limit === 0 || (presence === 0 && frequency === 0 && repeat === 1)) return undefined;
  return {
    punishTokens: () => recent.tokens,
    maxPunishTokens: recent.limit,
    penalty: repeat,
    presencePenalty: presence,
    frequencyPenalty: frequency,
  };
}

function biasOf({ bias = {} }: GenerateRequest, { module, model, vocabulary }: SamplingModel): TokenBias | undefined {
  const entries = Object.entries(bias);
  if (entries.length === 0) return undefined;
  const tokenBias = module.TokenBias.for(model);
  for (const [id, logit] of entries) {
    if (!/^\d+$/.test(id) || Number(id) >= vocabulary.size) throw unknownToken('logit_bias', id, vocabulary);
    const token = Number(id) as Token;
    if (model.isEogToken(token))
      throw new JobError('invalid_input', `logit_bias: token ${id} ends an answer, and the engine cannot change its score`);
    tokenBias.set(token, { logit });
  }
  return tokenBias;
}
