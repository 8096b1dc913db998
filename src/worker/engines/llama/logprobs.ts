import type { LlamaModel, Token } from 'node-llama-cpp';
import { JobError, type TokenLogprob } from '../../../contract/index.ts';
import { ANSWER_LIMITS } from '../../../jobs/client.ts';
import { OwnSampler, type Probabilities } from './own-sampler.ts';
import type { RecentTokens } from './recent-tokens.ts';
import type { Choice } from './sampling.ts';
import type { AnswerOptions } from './slot.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What the engine samples with, so that it gives the model's own probabilities, and does not stop at an end token that is the likeliest. */
export const WHOLE_DISTRIBUTION: AnswerOptions = { temperature: 0, yieldEogToken: true, probabilities: true };

/** What an API writes in the place of minus infinity, which JSON does not have. */
const LOWEST_LOGPROB = -9999;

/** A hive refuses a result with more values of JSON. Some are of the rest of the result. */
const LIMIT_VALUES = 0.95 * ANSWER_LIMITS.worker.values;

/** Of an entry, beside its bytes. */
const ENTRY_VALUES = 2;

interface LogprobOptions {
  sampler: OwnSampler;
  model: LlamaModel;
  vocabulary: Vocabulary;
  /** How many of the likeliest tokens are reported with each. */
  top: number;
}

interface Wanted extends Omit<LogprobOptions, 'sampler'> {
  recent: RecentTokens;
  hasGrammar: boolean;
}

/** @throws JobError invalid_input where the engine does not give the probabilities from before a grammar or a penalty */
export function logprobsOf(choice: Choice, { recent, hasGrammar, ...options }: Wanted): Logprobs {
  const refuse = (why: string) => new JobError('invalid_input', `logprobs: ${why}`);
  if (hasGrammar)
    throw refuse('the engine reports no probabilities where a grammar holds. Leave out json, json_schema and tools');
  if (choice.repeat !== 1) throw refuse('the engine reports no probabilities with a repeat_penalty. Set it to 1');
  return new Logprobs({ ...options, sampler: new OwnSampler(choice, recent) });
}

interface Waiting {
  entry: TokenLogprob;
  /** Bytes that are not shown yet. */
  bytes: number;
  isReported: boolean;
}

/**
 * Chooses the tokens of an answer and keeps what the model thought of them, until their text is shown: characters wait for their last
 * byte, and the beginnings of stop strings for their end.
 */
export class Logprobs {
  #options: LogprobOptions;
  #waiting: Waiting[] = [];
  #bytes = Buffer.alloc(0);
  #values = 0;

  constructor(options: LogprobOptions) {
    this.#options = options;
  }

  /** The next token; undefined at the end of the answer. */
  choose(probabilities: Probabilities): Token | undefined {
    const token = this.#options.sampler.choose(probabilities);
    return token === undefined || this.#options.model.isEogToken(token) ? undefined : token;
  }

  /** True when a result holds no more of them: the answer has to end. */
  get isFull(): boolean {
    return this.#values >= LIMIT_VALUES;
  }

  /** A token of the text. */
  add(token: Token, probabilities: Probabilities): void {
    const entry = this.#entry(token, probabilities.get(token) ?? 0);
    const bytes = Buffer.from(this.#options.vocabulary.bytesOf(token));
    if (bytes.length === 0) return;
    const top: TokenLogprob['top'] = [];
    for (const [other, probability] of probabilities) {
      if (top.length >= this.#options.top) break;
      top.push(this.#entry(other, probability));
    }
    this.#values += [entry, ...top].reduce((sum, each) => sum + ENTRY_VALUES + each.bytes.length, 1);
    this.#waiting.push({ entry: { ...entry, top }, bytes: bytes.length, isReported: false });
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  /** Those of the tokens that a shown piece of the text begins or is in. What was left out before it is left out here. */
  take(text: string): TokenLogprob[] {
    const shown = Buffer.from(text);
    const start = this.#bytes.indexOf(shown);
    // Text with a byte that belongs to no character is not found.
    const end = start < 0 ? this.#bytes.length : start + shown.length;
    const taken: TokenLogprob[] = [];
    let at = 0;
    for (const waiting of this.#waiting) {
      const from = at;
      at += waiting.bytes;
      if (from >= end) break;
      if (at > start && !waiting.isReported) taken.push(waiting.entry);
      waiting.isReported = true;
      waiting.bytes = Math.max(0, at - end);
    }
    this.#waiting = this.#waiting.filter(({ bytes }) => bytes > 0);
    this.#bytes = this.#bytes.subarray(end);
    return taken;
  }

  /** What has been added is no text of the answer. */
  forget(): void {
    this.#waiting = [];
    this.#bytes = Buffer.alloc(0);
  }

  #entry(token: Token, probability: number): Omit<TokenLogprob, 'top'> {
    const { model, vocabulary } = this.#options;
    const bytes = Buffer.from(vocabulary.bytesOf(token));
    const name = bytes.length > 0 ? bytes.toString() : model.detokenize([token], true);
    return { token: name, logprob: probability > 0 ? Math.log(probability) : LOWEST_LOGPROB, bytes: [...bytes] };
  }
}
