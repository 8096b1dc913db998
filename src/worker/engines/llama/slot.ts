import type {
  CustomBatchingPrioritizationStrategy,
  EvaluationPriority,
  LlamaContext,
  LlamaContextSequence,
  SequenceEvaluateOptions,
  Token,
} from 'node-llama-cpp';
import type { Probabilities } from './own-sampler.ts';
import type { SlotView } from './slot-choice.ts';
import { commonPrefixLength } from './slot-choice.ts';
import { reusableTokens } from './step-plan.ts';

/** After so many thrown-away tokens they are erased, so that they never fill the context. */
const MAX_FILLERS = 32;

export interface AnswerOptions extends SequenceEvaluateOptions {
  /** Whether it yields the probabilities of all tokens, as sampling leaves them. */
  probabilities: boolean;
}

/**
 * One sequence of the context: it computes one answer at a time and keeps the KV cache of the last.
 * All of its methods belong to the lock-step, which calls them between two steps or as part of one.
 */
export class Slot implements SlotView {
  readonly index: number;
  busy = false;
  lastUsed = 0;
  #context: LlamaContext;
  #sequence: LlamaContextSequence;
  #fillers = 0;

  constructor(context: LlamaContext, index: number) {
    this.#context = context;
    this.index = index;
    this.#sequence = openSequence(context);
  }

  get cached(): Token[] {
    const tokens = this.#sequence.contextTokens;
    return this.#fillers === 0 ? tokens : tokens.slice(0, -this.#fillers);
  }

  /** Keeps the cached beginning of the prompt. Returns how many of its tokens need not be computed. */
  async align(prompt: readonly Token[]): Promise<number> {
    const { cached } = this;
    const common = reusableTokens(commonPrefixLength(cached, prompt), prompt.length);
    // A recurrent state or a sliding window cannot be cut back; the library would compute all of it again, in one go that
    // no abort can interrupt.
    const kept = this.#sequence.needsCheckpoints && common < cached.length ? 0 : common;
    await this.#eraseFrom(kept);
    return kept;
  }

  /** Computes tokens of a prompt, without the last one. */
  async read(tokens: Token[]): Promise<void> {
    await this.#sequence.evaluateWithoutGeneratingNewTokens(tokens, this.#order);
  }

  /** Computes the last tokens of a prompt and yields the answer's, with the probabilities of all tokens where they are wanted; with every `next()` one pass for one token, or for tokens in its place. Ends at the model's end token. */
  answer(
    tokens: Token[],
    { probabilities, ...options }: AnswerOptions,
  ): AsyncGenerator<{ token: Token; probabilities?: Probabilities }, void, Token[] | undefined> {
    return this.#sequence.evaluateWithMetadata(tokens, { probabilities }, { ...options, ...this.#order });
  }

  /** True when the slot can compute a token along with its neighbours and discard it. */
  get canFill(): boolean {
    return !this.#sequence.needsCheckpoints && this.#sequence.nextTokenIndex + MAX_FILLERS < this.#context.contextSize - 1;
  }

  async fill(token: Token): Promise<void> {
    this.#fillers++;
    await this.#sequence.evaluateWithoutGeneratingNewTokens([token], this.#order);
  }

  /** To be called between steps: erasing waits for the context, which a step holds. */
  async forgetFillers(limit = MAX_FILLERS): Promise<void> {
    if (this.#fillers >= limit) await this.#eraseFrom(this.#sequence.nextTokenIndex - this.#fillers);
  }

  /** Clears the slot after a failed step: the content of the cache is unknown. */
  async reset(): Promise<void> {
    await this.#sequence.dispose();
    this.#sequence = openSequence(this.#context);
    this.#fillers = 0;
  }

  /** The only mark that reaches inSlotOrder. The type allows 1 to 5, for the library's own strategies; nothing else reads it. */
  get #order(): { evaluationPriority: EvaluationPriority } {
    return { evaluationPriority: this.index as EvaluationPriority };
  }

  async #eraseFrom(start: number): Promise<void> {
    const end = this.#sequence.nextTokenIndex;
    this.#fillers = 0;
    if (start < end) await this.#sequence.eraseContextTokenRanges([{ start, end }]);
  }
}

/**
 * Puts the tokens of one step into one batch in ascending slot order, whichever of them was queued first: llama.cpp
 * computes only neighbouring sequences together, and only when they ascend. A step never has more tokens than a batch.
 */
export const inSlotOrder: CustomBatchingPrioritizationStrategy = ({ items }) =>
  [...items]
    .sort((a, b) => a.evaluationPriority - b.evaluationPriority)
    .map((item) => ({ item, processAmount: item.tokens.length }));

function openSequence(context: LlamaContext): LlamaContextSequence {
  // Checkpoints would copy the state of recurrent models into memory now and then, for a kind of reuse that rbee does not use.
  return context.getSequence({ checkpoints: { interval: false } });
}
