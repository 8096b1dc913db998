import type { Token } from 'node-llama-cpp';
import { MersenneTwister } from './mersenne-twister.ts';
import type { RecentTokens } from './recent-tokens.ts';
import type { Choice } from './sampling.ts';

/** By token, the likeliest first. */
export type Probabilities = ReadonlyMap<Token, number>;

interface Candidate {
  token: Token;
  score: number;
}

/** The smallest number above 0 among the engine's. */
const LOWEST_PROBABILITY = 1e-45;

/**
 * Chooses tokens as llama.cpp's samplers do, in the same order and with the same random numbers, from probabilities of the whole vocabulary:
 * the text is the one that llama.cpp would have sampled. It reports no probabilities from before its samplers.
 */
export class OwnSampler {
  #choice: Choice;
  #recent: RecentTokens;
  #random: MersenneTwister;

  constructor(choice: Choice, recent: RecentTokens) {
    this.#choice = choice;
    this.#recent = recent;
    this.#random = new MersenneTwister(choice.seed);
  }

  choose(probabilities: Probabilities): Token | undefined {
    const { temperature } = this.#choice;
    const candidates = this.#candidates(probabilities);
    if (temperature === 0) return candidates[0]?.token;
    return this.#draw(this.#likely(candidates).map(({ token, score }) => ({ token, score: score / temperature })));
  }

  /** The best ones after biases and penalties, the best first. */
  #candidates(probabilities: Probabilities): Candidate[] {
    const { topK, temperature } = this.#choice;
    const changes = this.#changes();
    const most = temperature === 0 ? 1 : topK === 0 ? Infinity : topK;
    const candidates: Candidate[] = [];
    const add = (token: Token, probability: number) => {
      const score = Math.log(Math.max(probability, LOWEST_PROBABILITY)) + (changes.get(token) ?? 0);
      candidates.push({ token, score });
    };
    for (const [token, probability] of probabilities) {
      if (candidates.length >= most) break;
      if (!changes.has(token)) add(token, probability);
    }
    if (changes.size === 0) return candidates;
    for (const token of changes.keys()) add(token, probabilities.get(token) ?? 0);
    return candidates.sort((one, other) => other.score - one.score).slice(0, most);
  }

  #changes(): Map<Token, number> {
    const { bias, presence, frequency } = this.#choice;
    const changes = new Map(bias);
    if (presence === 0 && frequency === 0) return changes;
    const counts = new Map<Token, number>();
    for (const token of this.#recent.tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
    for (const [token, count] of counts) changes.set(token, (changes.get(token) ?? 0) - count * frequency - presence);
    return changes;
  }

  /** What top_p and min_p leave. */
  #likely(candidates: Candidate[]): Candidate[] {
    const { topP, minP } = this.#choice;
    const best = candidates[0]?.score ?? 0;
    const weights = candidates.map(({ score }) => Math.exp(score - best));
    const enough = topP >= 1 ? Infinity : topP * weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    const last = weights.findIndex((weight) => (sum += weight) >= enough);
    const kept = last < 0 ? candidates : candidates.slice(0, last + 1);
    return minP > 0 ? kept.filter(({ score }, index) => index === 0 || score >= best + Math.log(minP)) : kept;
  }

  #draw(candidates: Candidate[]): Token | undefined {
    if (candidates.length === 0) return undefined;
    const best = candidates[0]?.score ?? 0;
    const weights = candidates.map(({ score }) => Math.exp(score - best));
    const target = weights.reduce((sum, weight) => sum + weight, 0) * this.#random.uniform();
    let sum = 0;
    const chosen = weights.findIndex((weight) => (sum += weight) >= target);
    return candidates.at(chosen)?.token;
  }
}
