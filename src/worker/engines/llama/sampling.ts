import type { SequenceEvaluateOptions } from 'node-llama-cpp';
import type { GenerateRequest } from '../engine.ts';

/**
 * What is sampled from when a request does not say. These are llama.cpp's own defaults: without them the long tail of
 * unlikely tokens, which a small model is bad at, ends up in every tenth sentence.
 */
const DEFAULT_TOP_K = 40;
const DEFAULT_TOP_P = 0.95;
const DEFAULT_MIN_P = 0.05;

/** llama.cpp takes this seed to mean "a random one". */
const RANDOM_SEED = 0xffff_ffff;

type Sampling = Pick<SequenceEvaluateOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'seed'>;

export function samplingOf({ temperature, topK, topP, minP, seed }: GenerateRequest): Sampling {
  return {
    temperature,
    topK: topK ?? DEFAULT_TOP_K,
    topP: topP ?? DEFAULT_TOP_P,
    minP: minP ?? DEFAULT_MIN_P,
    seed: seed === RANDOM_SEED ? 0 : seed,
  };
}
