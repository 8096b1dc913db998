import type { Llama, LlamaModel } from 'node-llama-cpp';
import { JobError } from '../../../contract/index.ts';
import type { GenerationEvent, EmbedRequest, Embeddings, Engine, Generation, Ranking, RankRequest } from '../engine.ts';
import type { Embedder } from './embedder.ts';

export interface EmbeddingParts {
  llama: Llama;
  model: LlamaModel;
  embedder: Embedder;
  slots: number;
  contextSize: number;
  onSlotsChange(): void;
}

/** A model that turns text into vectors, or ranks texts, and writes none. It has no context to generate in. */
export class EmbeddingEngine implements Engine {
  readonly slots: number;
  readonly contextSize: number;
  readonly toolForm = undefined;
  readonly tokensGenerated = 0;
  readonly #parts: EmbeddingParts;
  #slotsUsed = 0;

  constructor(parts: EmbeddingParts) {
    this.#parts = parts;
    this.slots = parts.slots;
    this.contextSize = parts.contextSize;
  }

  get slotsUsed(): number {
    return Math.min(this.#slotsUsed, this.slots);
  }

  get steps(): number {
    return this.#parts.embedder.computed;
  }

  memoryBytes(): number {
    return process.memoryUsage.rss();
  }

  async *generate(): AsyncGenerator<GenerationEvent, Generation, void> {
    throw writesNoText();
  }

  async countTokens(): Promise<number> {
    throw writesNoText();
  }

  embed(request: EmbedRequest, signal: AbortSignal): Promise<Embeddings> {
    return this.#inSlot(() => this.#parts.embedder.embed(request, signal));
  }

  rank(request: RankRequest, signal: AbortSignal): Promise<Ranking> {
    return this.#inSlot(() => this.#parts.embedder.rank(request, signal));
  }

  async close(): Promise<void> {
    const { embedder, model, llama } = this.#parts;
    await embedder.close();
    await model.dispose();
    await llama.dispose();
  }

  async #inSlot<T>(run: () => Promise<T>): Promise<T> {
    this.#slotsUsed += 1;
    this.#parts.onSlotsChange();
    try {
      return await run();
    } finally {
      this.#slotsUsed -= 1;
      this.#parts.onSlotsChange();
    }
  }
}

function writesNoText(): JobError {
  return new JobError('invalid_input', 'model: this model does not write text. It turns text into vectors: rbee embed');
}
