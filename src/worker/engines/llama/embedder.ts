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
  readonly #embedding = new Opened((): Promise<LlamaEmbeddingContext> =>
    this.#open((options) => this.#options.model.createEmbeddingContext(options)),
  );
  readonly #ranking = new Opened((): Promise<LlamaRankingContext> =>
    this.#open((options) => this.#options.model.createRankingContext(options)),
  );
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
  async embed({ texts, dimensions: wanted, mostNumbers, truncate }: EmbedRequest, signal: AbortSignal): Promise<Embeddings> {
    const dimensions = this.#dimensions(wanted);
    const most = Math.floor(mostNumbers / dimensions);
    if (texts.length > most) {
      throw new JobError(
        'invalid_input',
        `texts: an answer holds ${most} vectors of ${dimensions} numbers; there are ${texts.length} texts`,
      );
    }
    const context = await this.#embedding.get();
    const inputs: Token[][] = [];
    for (const [index, text] of texts.entries()) {
      await this.#turns.take();
      signal.throwIfAborted();
      inputs.push(truncate === true ? this.#cut(text, index) : this.#checked(text, index));
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
    if (!this.#options.model.fileInsights.supportsRanking) {
      throw new JobError('invalid_input', 'model: this model does not rank documents');
    }
    const context = await this.#ranking.get();
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
    await this.#embedding.dispose();
    await this.#ranking.dispose();
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

  #dimensions(wanted: number | undefined): number {
    const { embeddingVectorSize: all } = this.#options.model;
    if (wanted === undefined || wanted <= all) return wanted ?? all;
    throw new JobError('invalid_input', `dimensions: the vectors of this model have ${all} numbers`);
  }

  /** The beginning of the text that the model takes. Of a text of megabytes, the rest is not tokenized. */
  #cut(text: string | readonly number[], index: number): Token[] {
    const { model, contextSize } = this.#options;
    const most = contextSize - BESIDE_TOKENS - 1;
    if (typeof text !== 'string') return this.#checked(text.slice(0, most), index);
    const tokens = model.tokenize(text.slice(0, most * this.#longestToken()));
    return this.#checked(tokens.slice(0, most), index);
  }

  #longestToken(): number {
    return (this.#longestTokenBytes ??= vocabularyOf(this.#options.model).longestTokenBytes);
  }

  #checked(text: string | readonly number[], index: number): Token[] {
    const { model, contextSize } = this.#options;
    // Too long even in the longest tokens: not tokenized, which blocks the other requests.
    const atLeast = typeof text === 'string' ? Math.ceil(Buffer.byteLength(text) / this.#longestToken()) : text.length;
    if (atLeast >= contextSize) throw this.#tooLong(`texts[${index}]: it`, `at least ${atLeast}`);
    const tokens = typeof text === 'string' ? model.tokenize(text) : (text as readonly Token[]);
    if (tokens.length + BESIDE_TOKENS >= contextSize) throw this.#tooLong(`texts[${index}]: it`, tokens.length);
    const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
    if (tokens.some((token) => token >= vocabulary)) {
      throw new JobError('invalid_input', `texts[${index}]: the model has the tokens 0 to ${vocabulary - 1}`);
    }
    // The library answers an empty text with an empty vector.
    return tokens.length === 0 ? [model.tokens.bos ?? model.tokens.eos ?? (0 as Token)] : [...tokens];
  }

  #tooLong(what: string, tokens: number | string): JobError {
    const { contextSize } = this.#options;
    return new JobError('prompt_too_long', `${what} has ${tokens} tokens; this model takes fewer than ${contextSize}`);
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

function unit(vector: readonly number[], dimensions: number): Float32Array {
  const part = Float32Array.from(vector.slice(0, dimensions));
  const length = Math.hypot(...part);
  return length === 0 ? part : part.map((value) => value / length);
}

/** A context that the first request opens. One that could not be opened is tried again by the next. */
class Opened<Context extends { dispose(): Promise<void> }> {
  readonly #open: () => Promise<Context>;
  #context: Promise<Context> | undefined;

  constructor(open: () => Promise<Context>) {
    this.#open = open;
  }

  get(): Promise<Context> {
    this.#context ??= this.#open().catch((cause: unknown) => {
      this.#context = undefined;
      throw cause;
    });
    return this.#context;
  }

  async dispose(): Promise<void> {
    const context = await this.#context?.catch(() => undefined);
    await context?.dispose();
  }
}
