import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import { JobError, promptTooLong, type ToolForm } from '../../../contract/index.ts';
import type {
  GenerationEvent,
  CountRequest,
  EmbedRequest,
  Embeddings,
  Engine,
  GenerateRequest,
  Generation,
  Ranking,
  RankRequest,
} from '../engine.ts';
import { answerPlanOf, begunOf, type AnswerModel } from './answer-plan.ts';
import { GENERIC_FORM } from './calls/call-form.ts';
import type { ChatFormat } from './chat-format.ts';
import type { Embedder } from './embedder.ts';
import type { EngineLog } from './engine-log.ts';
import type { LlamaModule } from './llama-module.ts';
import { LockStep } from './lock-step.ts';
import { promptWithin } from './prompt.ts';
import { RecentTokens } from './recent-tokens.ts';
import { recommendedSampling, type Recommendation } from './recommended-sampling.ts';
import { Run, type RunPlan } from './run.ts';
import { logprobsOf, WHOLE_DISTRIBUTION } from './logprobs.ts';
import { choiceOf, samplingOf } from './sampling.ts';
import { SlotPool } from './slot-pool.ts';
import { Slot } from './slot.ts';
import { toolFormOf } from './template/capabilities.ts';
import { bytesWithMarks, vocabularyOf, type Vocabulary } from './vocabulary.ts';

export interface LlamaParts {
  module: LlamaModule;
  llama: Llama;
  model: LlamaModel;
  context: LlamaContext;
  format: ChatFormat;
  embedder: Embedder;
  log: EngineLog;
  /** Tokens a slot may hold; the context may have room for some more. */
  contextSize: number;
  chunkSize: number;
  onSlotsChange(): void;
}

/** A prompt may be counted up to this, whatever the context holds. */
const COUNTED_TOKENS = 10_000_000;

/** llama.cpp in this process: one model, one context, one sequence a slot. */
export class LlamaEngine implements Engine {
  readonly slots: number;
  readonly contextSize: number;
  #parts: LlamaParts;
  #vocabulary: Vocabulary;
  #recommended: Recommendation;
  #pool: SlotPool;
  #lockStep: LockStep;
  #tokensGenerated = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: LlamaParts) {
    this.#parts = parts;
    this.slots = parts.context.totalSequences;
    this.contextSize = parts.contextSize;
    this.#vocabulary = vocabularyOf(parts.model);
    this.#recommended = recommendedSampling(parts.model.fileInfo);
    const slots = Array.from({ length: this.slots }, (_, index) => new Slot(parts.context, index));
    const pool = new SlotPool(slots, () => parts.onSlotsChange());
    this.#pool = pool;
    this.#lockStep = new LockStep({
      slots,
      chunkSize: parts.chunkSize,
      filler: parts.model.tokens.nl ?? (0 as Token),
      onLeft: (slot) => pool.release(slot),
      onFailure: (cause) => new JobError('engine_failed', `The engine failed${this.#engineErrors(cause)}`, { cause }),
      onBroken: (cause) => {
        pool.close(
          new JobError('engine_failed', `The engine cannot continue${this.#engineErrors(cause)}. Restart the worker.`, { cause }),
        );
      },
    });
  }

  get slotsUsed(): number {
    return this.#pool.used;
  }

  get toolForm(): ToolForm {
    return toolFormOf(this.#parts.format.capabilities);
  }

  get tokensGenerated(): number {
    return this.#tokensGenerated;
  }

  get steps(): number {
    return this.#lockStep.steps + this.#parts.embedder.computed;
  }

  memoryBytes(): number {
    return process.memoryUsage.rss();
  }

  /**
   * The same request with the same seed gives the same text, alone or among others, with or without a cached prompt.
   * (On a CPU. A GPU rounds differently from batch to batch, and so does a CPU for an earlier answer that a conversation finds in the
   * cache: it was computed token by token, not as part of a prompt. The last bits seldom matter.)
   */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent, Generation, void> {
    return this.#generate(request, { signal, calledAt: performance.now() });
  }

  async *#generate(
    request: GenerateRequest,
    call: { signal: AbortSignal; calledAt: number },
  ): AsyncGenerator<GenerationEvent, Generation, void> {
    call.signal.throwIfAborted();
    const plan = await this.#prepared(() => this.#plan(request, call.signal));
    const slot = await this.#pool.acquire(plan.prompt, call.signal, request.onQueue);
    const run = new Run({ ...call, ...plan, slot });
    try {
      this.#lockStep.add(run);
      yield* run.pieces.read();
      return run.report();
    } finally {
      await run.leave();
    }
  }

  /** All that a run needs but its slot, so that nothing can fail between a slot and its run. */
  async #plan(request: GenerateRequest, signal: AbortSignal): Promise<Omit<RunPlan, 'slot' | 'signal' | 'calledAt'>> {
    const { module, model, format } = this.#parts;
    const { contextSize } = this;
    const vocabulary = this.#vocabulary;
    const options = { format, vocabulary, contextSize, signal };
    const { tokens: asked, isReasoning } = await promptWithin(request.raw ?? request, options);
    const plan = await answerPlanOf(request, { module, model, signal, ...this.#answersTo(request, isReasoning) });
    const tokensOf = (text: string) => model.tokenize(text, true, 'trimLeadingSpace');
    const prompt = plan.begun === '' ? asked : [...asked, ...tokensOf(plan.begun)];
    if (prompt.length >= contextSize) throw promptTooLong(prompt.length, contextSize);
    const choice = choiceOf(request, { model, vocabulary, recommended: this.#recommended });
    const recent = new RecentTokens(prompt, Math.min(choice.lastTokens, contextSize));
    const sampling = samplingOf(choice, recent, { module, model });
    const { grammar } = plan;
    const { logprobs: wanted } = request;
    const logprobs = wanted && logprobsOf(choice, { ...wanted, recent, model, vocabulary, hasGrammar: grammar !== undefined });
    return {
      prompt,
      stop: request.stop,
      maxTokens: Math.min(request.maxTokens ?? Infinity, contextSize - prompt.length),
      sampling: logprobs
        ? WHOLE_DISTRIBUTION
        : { ...sampling, ...(grammar && { grammarEvaluationState: grammar }), probabilities: false },
      logprobs,
      answer: plan.reader,
      bytesOf: bytesWithMarks(model, vocabulary, plan.marks),
      tokensOf,
      check: (text, stoppedBy) => {
        // An answer that a stop string of the request cut is valid, even if its JSON is incomplete.
        if (stoppedBy === undefined) plan.check(text);
      },
      recent,
      onToken: () => this.#tokensGenerated++,
    };
  }

  async countTokens(request: CountRequest, signal: AbortSignal): Promise<number> {
    const { format, model } = this.#parts;
    const options = { format, vocabulary: this.#vocabulary, contextSize: COUNTED_TOKENS, signal };
    return this.#prepared(async () => {
      const { tokens, isReasoning } = await promptWithin(request.raw ?? request, options);
      const begun = begunOf(request, this.#answersTo(request, isReasoning));
      return tokens.length + model.tokenize(begun, true, 'trimLeadingSpace').length;
    });
  }

  embed(request: EmbedRequest, signal: AbortSignal): Promise<Embeddings> {
    return this.#parts.embedder.embed(request, signal);
  }

  rank(request: RankRequest, signal: AbortSignal): Promise<Ranking> {
    return this.#parts.embedder.rank(request, signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** While the engine closes, its parts fail in ways of their own, and such a failure would be the request's. */
  async #prepared<T>(prepare: () => Promise<T>): Promise<T> {
    if (this.#closing) throw stopping();
    return prepare().catch((cause: unknown) => {
      throw this.#closing ? stopping() : cause;
    });
  }

  /** What answers have by the model's template. Those to a raw prompt have nothing of it, and not the first word's space either: it continues a text. */
  #answersTo({ raw }: CountRequest, isReasoning: boolean): Omit<AnswerModel, 'module' | 'model' | 'signal'> {
    const { capabilities, stop, startsWithSpace } = this.#parts.format;
    const { reasoningTags, callForm, channels } = capabilities;
    const calls = callForm ?? GENERIC_FORM;
    if (raw !== undefined) return { stop: [], trimSpace: false, reasoning: undefined, calls, channels: undefined };
    const trimSpace = this.#vocabulary.startsWithSpace || startsWithSpace;
    return { stop, trimSpace, reasoning: reasoningTags && { ...reasoningTags, startsOpen: isReasoning }, calls, channels };
  }

  async #close(): Promise<void> {
    this.#pool.close(stopping());
    await this.#lockStep.stop(stopping());
    const { context, model, llama, format, embedder } = this.#parts;
    await format.close();
    await embedder.close();
    await context.dispose();
    await model.dispose();
    await llama.dispose();
  }

  #engineErrors(cause: unknown): string {
    const output = `: ${cause instanceof Error ? cause.message : String(cause)}${this.#parts.log.summary()}`;
    this.#parts.log.clear();
    return output;
  }
}

function stopping(): JobError {
  return new JobError('engine_failed', 'The worker is stopping');
}
