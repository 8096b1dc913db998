import type { LlamaContextSequenceRepeatPenalty, LlamaModel, SequenceEvaluateOptions, Token } from 'node-llama-cpp';
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

/** What penalties look at, as in llama.cpp. */
const DEFAULT_LAST_TOKENS = 64;

/** llama.cpp takes this seed to mean "a random one". */
const RANDOM_SEED = 0xffff_ffff;

/** How the tokens of an answer are chosen. */
export interface Choice {
  /** 0 takes the likeliest token. */
  temperature: number;
  /** 0 for all tokens. */
  topK: number;
  topP: number;
  minP: number;
  seed: number;
  presence: number;
  frequency: number;
  repeat: number;
  /** How many tokens the penalties look at. */
  lastTokens: number;
  bias: ReadonlyMap<Token, number>;
}

interface SamplingModel {
  model: LlamaModel;
  vocabulary: Vocabulary;
  recommended: Recommendation;
}

/** As the request says, else as the model's header recommends, else by default. @throws JobError invalid_input */
export function choiceOf(request: GenerateRequest, { model, vocabulary, recommended }: SamplingModel): Choice {
  const { temperature, topK, topP, minP, seed, penalties = {}, bias = {} } = request;
  return {
    temperature: temperature ?? recommended.temperature ?? DEFAULT_TEMPERATURE,
    topK: topK ?? recommended.topK ?? DEFAULT_TOP_K,
    topP: topP ?? recommended.topP ?? DEFAULT_TOP_P,
    minP: minP ?? recommended.minP ?? DEFAULT_MIN_P,
    seed: seed === RANDOM_SEED ? 0 : seed,
    presence: penalties.presence ?? 0,
    frequency: penalties.frequency ?? 0,
    repeat: penalties.repeat ?? recommended.repeatPenalty ?? 1,
    lastTokens: penalties.lastTokens ?? recommended.lastTokens ?? DEFAULT_LAST_TOKENS,
    bias: new Map(Object.entries(bias).map(([id, logit]) => [biasedToken(id, { model, vocabulary }), logit])),
  };
}

/** The same in the library's words. */
export function samplingOf(choice: Choice, recent: RecentTokens, { module, model }: Library): SequenceEvaluateOptions {
  const { temperature, topK, topP, minP, seed, bias } = choice;
  const repeatPenalty = penaltyOf(choice, recent);
  const tokenBias = bias.size === 0 ? undefined : module.TokenBias.for(model);
  for (const [token, logit] of bias) tokenBias?.set(token, { logit });
  return { temperature, topK, topP, minP, seed, ...(repeatPenalty && { repeatPenalty }), ...(tokenBias && { tokenBias }) };
}

interface Library {
  module: LlamaModule;
  model: LlamaModel;
}

function penaltyOf({ presence, frequency, repeat }: Choice, recent: RecentTokens): LlamaContextSequenceRepeatPenalty | undefined {
  if (recent.limit === 0 || (presence === 0 && frequency === 0 && repeat === 1)) return undefined;
  return {
    punishTokens: () => recent.tokens,
    maxPunishTokens: recent.limit,
    penalty: repeat,
    presencePenalty: presence,
    frequencyPenalty: frequency,
  };
}

function biasedToken(id: string, { model, vocabulary }: Pick<SamplingModel, 'model' | 'vocabulary'>): Token {
  if (!/^\d+$/.test(id) || Number(id) >= vocabulary.size) throw unknownToken('logit_bias', id, vocabulary);
  const token = Number(id) as Token;
  if (!model.isEogToken(token)) return token;
  throw new JobError('invalid_input', `logit_bias: token ${id} ends an answer, and the engine cannot change its score`);
}
