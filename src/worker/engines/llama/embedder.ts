import type { LlamaEmbeddingContext, LlamaModel, LlamaRankingContext, Token } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import type { EmbedRequest, Embeddings, RankRequest, Ranking } from '../engine.ts';
import { Turns } from './turns.ts';
import { vocabularyOf } from './vocabulary.ts';

export interface EmbedderOptions {
  model: LlamaModel;
  /** Tokens that a text may have. */
  contextSize: number;
  threads: number;
  /** Throws when there is no memory for one more context. */
  checkMemory: () => Promise<void>;
  onFailure: (cause: unknown) => JobError;
}

/**
 * Vectors and ranks of texts, one text after another, in contexts of their own: generating continues beside them. A context is opened by
 * the first request that needs it.
 */
export class Embedder {
  readonly #options: EmbedderOptions;
  readonly #turns = new Turns();
  #embedding: Promise<LlamaEmbeddingContext> | undefined;
  #ranking: Promise<LlamaRankingContext> | undefined;
  #longestTokenBytes: number | undefined;
  #computed = 0;

  constructor(options: EmbedderOptions) {
    this.#options = options;
  }

  /** Texts computed so far. */
  get computed(): number {
    return this.#computed;
  }

  /** @throws JobError prompt_too_long, invalid_input, no_room, engine_failed; the signal's reason */
  async embed({ texts, dimensions }: EmbedRequest, signal: AbortSignal): Promise<Embeddings> {
    const context = await this.#embeddingContext();
    const inputs: (Token[] | string)[] = [];
    for (const [index, text] of texts.entries()) {
      await this.#turns.take();
      inputs.push(this.#checked(text, index));
    }
    const vectors: Float32Array[] = [];
    let promptTokens = 0;
    for (const input of inputs) {
      promptTokens += context.calculateInputLength(input);
      const { vector } = await this.#compute(signal, () => context.getEmbeddingFor(input));
      vectors.push(unit(vector, dimensions));
    }
    return { vectors, promptTokens };
  }

  /** @throws JobError prompt_too_long, invalid_input for a model that does not rank, no_room, engine_failed; the signal's reason */
  async rank({ query, documents }: RankRequest, signal: AbortSignal): Promise<Ranking> {
    const context = await this.#rankingContext();
    const scores: number[] = [];
    let promptTokens = 0;
    for (const [index, document] of documents.entries()) {
      const length = context.calculateInputLength(query, document);
      if (length >= context.contextSize) throw this.#tooLong(`documents[${index}]: with the query it`, length);
      promptTokens += length;
      scores.push(await this.#compute(signal, () => context.rank(query, document)));
    }
    return { scores, promptTokens };
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled([this.#embedding, this.#ranking]);
    for (const each of opened) if (each.status === 'fulfilled') await each.value?.dispose();
  }

  /** The library computes one text of a context at a time, in the order of the calls. */
  async #compute<T>(signal: AbortSignal, compute: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await compute();
    } catch (cause) {
      throw this.#options.onFailure(cause);
    } finally {
      this.#computed += 1;
    }
  }

  #checked(text: string | readonly number[], index: number): Token[] | string {
    const { model, contextSize } = this.#options;
    this.#longestTokenBytes ??= vocabularyOf(model).longestTokenBytes;
    // Too long even in the longest tokens: not tokenized, which blocks the other requests.
    const atLeast = typeof text === 'string' ? Math.ceil(Buffer.byteLength(text) / this.#longestTokenBytes) : text.length;
    if (atLeast >= contextSize) throw this.#tooLong(`texts[${index}]: it`, atLeast);
    const tokens = typeof text === 'string' ? model.tokenize(text) : (text as readonly Token[]);
    if (tokens.length + BESIDE_TOKENS >= contextSize) throw this.#tooLong(`texts[${index}]: it`, tokens.length);
    const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    if (tokens.some((token) => token >= vocabulary)) {
      throw new JobError('invalid_input', `texts[${index}]: the model has the tokens 0 to ${vocabulary - 1}`);
    }
    // The library answers an empty text with an empty vector.
    return tokens.length === 0 ? [model.tokens.bos ?? model.tokens.eos ?? (0 as Token)] : [...tokens];
  }

  #tooLong(what: string, tokens: number): JobError {
    const { contextSize } = this.#options;
    return new JobError('prompt_too_long', `${what} has at least ${tokens} tokens; this model takes fewer than ${contextSize}`);
  }

  #embeddingContext(): Promise<LlamaEmbeddingContext> {
    return (this.#embedding ??= this.#open((options) => this.#options.model.createEmbeddingContext(options)).catch(
      (cause: unknown) => {
        this.#embedding = undefined;
        throw cause;
      },
    ));
  }

  #rankingContext(): Promise<LlamaRankingContext> {
    const { model } = this.#options;
    if (!model.fileInsights.supportsRanking) throw new JobError('invalid_input', 'model: this model does not rank documents');
    return (this.#ranking ??= this.#open((options) => model.createRankingContext(options)).catch((cause: unknown) => {
      this.#ranking = undefined;
      throw cause;
    }));
  }

  async #open<T>(open: (options: ContextOptions) => Promise<T>): Promise<T> {
    const { contextSize, threads, checkMemory } = this.#options;
    await checkMemory();
    try {
      // A text is computed in one batch: these models read it from both ends.
      return await open({ contextSize, batchSize: contextSize, threads, ignoreMemorySafetyChecks: true });
    } catch (cause) {
      throw this.#options.onFailure(cause);
    }
  }
}

interface ContextOptions {
  contextSize: number;
  batchSize: number;
  threads: number;
  ignoreMemorySafetyChecks: boolean;
}

/** Tokens that the model puts before and after a text. */
const BESIDE_TOKENS = 2;

/** @param dimensions only the first numbers of the vector */
function unit(vector: readonly number[], dimensions = vector.length): Float32Array {
  if (dimensions > vector.length) {
    throw new JobError('invalid_input', `dimensions: the vectors of this model have ${vector.length} numbers`);
  }
  const part = Float32Array.from(vector.slice(0, dimensions));
  const length = Math.hypot(...part);
  return length === 0 ? part : part.map((value) => value / length);
}
