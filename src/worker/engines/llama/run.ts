import type { Token } from 'node-llama-cpp';
import type { TokenLogprob, ToolCall } from '../../../contract/index.ts';
import type { AnswerEvent, Generation } from '../engine.ts';
import type { ReadsAnswer } from './answer-reader.ts';
import type { Logprobs } from './logprobs.ts';
import { PieceQueue } from './piece-queue.ts';
import type { RecentTokens } from './recent-tokens.ts';
import type { AnswerOptions, Slot } from './slot.ts';
import { nextChunkSize } from './step-plan.ts';

export interface RunPlan {
  slot: Slot;
  prompt: readonly Token[];
  /** The stop strings of the request. */
  stop: readonly string[];
  /** Most tokens to generate, 1 or more. */
  maxTokens: number;
  sampling: AnswerOptions;
  /** Chooses the tokens, in place of the engine, of an answer with their probabilities. */
  logprobs: Logprobs | undefined;
  answer: ReadsAnswer;
  bytesOf(token: Token): Uint8Array;
  /** The tokens of a text in which control tokens are written by their names. */
  tokensOf(text: string): Token[];
  /** Checks an answer that was not cut by length, with the stop string that ended it, if any. Throws when it does not match the request. */
  check(text: string, stop: string | undefined): void;
  onToken(): void;
  /** What the penalties of the sampling look at. */
  recent: RecentTokens;
  signal: AbortSignal;
  /** When the request arrived, by performance.now(). */
  calledAt: number;
}

/**
 * One request in its slot: it reads its prompt, then it generates, then it is finished.
 * The methods that compute are called by the lock-step only; `pieces`, `leave`, `left` and `report` are the request's side.
 */
export class Run {
  readonly pieces = new PieceQueue();
  readonly slot: Slot;
  /** Resolves when the slot is free again. */
  readonly left: Promise<void>;
  #plan: RunPlan;
  #unread: readonly Token[] | undefined;
  #tokens: ReturnType<Slot['answer']> | undefined;
  /** What the model continues from in place of its last token. */
  #replacement: Token[] | undefined;
  #over = false;
  #readerGone = false;
  #markLeft: () => void = () => undefined;
  #text = '';
  #reasoning = '';
  #toolCalls: ToolCall[] = [];
  #logprobs: TokenLogprob[] = [];
  #stopSequence: string | undefined;
  #finishReason: Generation['finishReason'] = 'length';
  #cachedTokens = 0;
  #completionTokens = 0;
  #slotAt = performance.now();
  #readAt: number | undefined;
  #firstTokenAt: number | undefined;
  #lastTokenAt = 0;

  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.slot = plan.slot;
    this.left = new Promise((resolve) => (this.#markLeft = resolve));
  }

  get over(): boolean {
    return this.#over;
  }

  /** True when the cache fits the prompt and the prompt is not read to its end. */
  get reading(): boolean {
    return !this.#over && this.#unread !== undefined && this.#tokens === undefined;
  }

  /** True when every step generates a token. */
  get generating(): boolean {
    return !this.#over && this.#tokens !== undefined;
  }

  /** True when the reader has stopped. */
  get unwanted(): boolean {
    return this.#readerGone || this.#plan.signal.aborted;
  }

  get abortReason(): unknown {
    return this.#plan.signal.reason as unknown;
  }

  /** Makes the slot's cache fit the prompt. */
  async align(): Promise<void> {
    if (this.#unread !== undefined) return;
    this.#cachedTokens = await this.slot.align(this.#plan.prompt);
    this.#unread = this.#plan.prompt.slice(this.#cachedTokens);
    this.pieces.push({ kind: 'prompt', prompt_tokens: this.#plan.prompt.length, cached_tokens: this.#cachedTokens });
  }

  /** How many tokens `readPrompt` computes next. */
  nextRead(chunkSize: number): number {
    return nextChunkSize(this.#unread?.length ?? 0, chunkSize);
  }

  /** Computes the next chunk of the prompt; with the last chunk comes the first token. */
  async readPrompt(chunkSize: number): Promise<void> {
    const size = this.nextRead(chunkSize);
    const unread = this.#unread ?? [];
    const chunk = unread.slice(0, size);
    this.#unread = unread.slice(size);
    if (this.#unread.length > 0) return this.slot.read(chunk);
    this.#tokens = this.slot.answer(chunk, this.#plan.sampling);
    await this.generate();
    // The time of the first token is the end of the prompt: a later time would make this part longer than the total.
    this.#readAt = this.#firstTokenAt ?? performance.now();
  }

  /** Computes one token. */
  async generate(): Promise<void> {
    const { value: next } = (await this.#tokens?.next(this.#replacement)) ?? {};
    const { answer, maxTokens, recent, logprobs } = this.#plan;
    const { probabilities } = next ?? {};
    const token = probabilities ? logprobs?.choose(probabilities) : next?.token;
    if (token === undefined) return this.#ended();
    this.#countToken();
    if (probabilities && isText(answer)) logprobs?.add(token, probabilities);
    const { events, stop, replacement } = answer.push(this.#plan.bytesOf(token));
    for (const event of events) this.#show(event);
    if (stop !== undefined) return this.#finish('stop', stop);
    if (!isText(answer)) logprobs?.forget();
    const own = token === next?.token ? undefined : [token];
    this.#replacement = replacement === undefined ? own : this.#plan.tokensOf(replacement);
    recent.add(this.#replacement ?? [token]);
    this.#completionTokens += Math.max(0, (this.#replacement?.length ?? 1) - 1);
    if (this.#completionTokens >= maxTokens || logprobs?.isFull) await this.#finish('length', undefined);
  }

  /** The model ended its answer, unless something has to follow. */
  async #ended(): Promise<void> {
    const { answer, maxTokens, recent, sampling } = this.#plan;
    const { events = [], replacement } = answer.continued() ?? {};
    for (const event of events) this.#show(event);
    if (replacement === undefined) return this.#finish('stop', undefined);
    const tokens = this.#plan.tokensOf(replacement);
    recent.add(tokens);
    this.#completionTokens += tokens.length;
    if (this.#completionTokens >= maxTokens) return this.#finish('length', undefined);
    await this.#tokens?.return();
    this.#tokens = this.slot.answer(tokens, sampling);
    this.#replacement = undefined;
  }

  /** Ends the run before its answer is complete; `reason` is thrown to the reader. */
  async abandon(reason: unknown): Promise<void> {
    this.#over = true;
    this.pieces.fail(reason);
    await this.#tokens?.return();
  }

  markLeft(): void {
    this.#markLeft();
  }

  /** Marks the run as abandoned by its reader, and waits until the slot is free. */
  async leave(): Promise<void> {
    this.#readerGone = true;
    await this.left;
  }

  report(): Generation {
    const { calledAt, prompt } = this.#plan;
    const generatingMs = this.#lastTokenAt - (this.#firstTokenAt ?? 0);
    return {
      text: this.#text,
      reasoning: this.#reasoning,
      toolCalls: this.#toolCalls,
      ...(this.#plan.logprobs && { logprobs: this.#logprobs }),
      finishReason: this.#finishReason,
      stopSequence: this.#stopSequence,
      reasoningTokens: this.#plan.answer.reasoningTokens,
      promptTokens: prompt.length,
      cachedTokens: this.#cachedTokens,
      completionTokens: this.#completionTokens,
      queueMs: this.#slotAt - calledAt,
      prefillMs: (this.#readAt ?? this.#slotAt) - this.#slotAt,
      firstTokenMs: this.#firstTokenAt === undefined ? null : this.#firstTokenAt - calledAt,
      tokensPerSecond: this.#completionTokens > 1 ? ((this.#completionTokens - 1) / generatingMs) * 1000 : 0,
    };
  }

  async #finish(reason: Generation['finishReason'], stop: string | undefined): Promise<void> {
    const { answer, stop: wanted } = this.#plan;
    if (stop === undefined) for (const event of answer.end()) this.#show(event);
    this.#finishReason = reason === 'stop' && answer.hasCalled ? 'tool_calls' : reason;
    if (stop !== undefined && wanted.includes(stop)) this.#stopSequence = stop;
    try {
      if (reason === 'stop') this.#plan.check(this.#text, stop);
    } catch (error) {
      return this.abandon(error);
    }
    this.#over = true;
    this.pieces.end();
    await this.#tokens?.return();
  }

  #countToken(): void {
    this.#completionTokens++;
    this.#lastTokenAt = performance.now();
    this.#firstTokenAt ??= this.#lastTokenAt;
    this.#plan.onToken();
  }

  #show(event: AnswerEvent): void {
    if (event.kind === 'text') return this.#showText(event.text);
    if (event.kind === 'reasoning') this.#reasoning += event.text;
    else if (event.kind === 'tool_call') this.#toolCalls.push({ id: event.id, name: event.name, arguments: '' });
    else {
      const call = this.#toolCalls.at(-1);
      if (call) call.arguments += event.text;
    }
    this.pieces.push(event);
  }

  #showText(text: string): void {
    this.#text += text;
    const logprobs = this.#plan.logprobs?.take(text);
    if (logprobs) this.#logprobs.push(...logprobs);
    this.pieces.push({ kind: 'text', text, ...(logprobs && { logprobs }) });
  }
}

function isText({ place }: ReadsAnswer): boolean {
  return place === 'text' || place === 'start';
}
