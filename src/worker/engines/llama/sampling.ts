import type { SequenceEvaluateOptions } from 'node-llama-cpp';
import type { GenerateRequest } from '../engine.ts';

/**
 * The sampling of requests that set none: llama.cpp's own defaults. Without them the tiny model gets 3 of 100
 * sums wrong at temperature 0.7, with them none, and every token of a large vocabulary would have to be sorted.
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
