import type { OutputOf, TokenLogprob, ToolCall } from '../../contract/index.ts';

type Output = OutputOf<'infer'>;

/** What all parts of an answer repeat. */
export interface AnswerOptions {
  /** The name that the client has sent. */
  model: string;
  /** Of /api/chat or /api/generate. */
  api: 'chat' | 'generate';
  /** Whether calls have an `id`. */
  hasIds: boolean;
  now: () => Date;
  /** Milliseconds since the request arrived. */
  elapsedMs: () => number;
}

/** A piece of an answer. */
export interface Piece {
  content?: string;
  thinking?: string | undefined;
  calls?: object[];
  logprobs?: TokenLogprob[] | undefined;
}

/** The fields that every part has, with a piece of the answer. */
export function partOf({ content = '', thinking, calls = [], logprobs }: Piece, { model, api, now }: AnswerOptions): object {
  const thought = thinking === undefined || thinking === '' ? {} : { thinking };
  const called = calls.length === 0 ? {} : { tool_calls: calls };
  const piece =
    api === 'chat' ? { message: { role: 'assistant', content, ...thought, ...called } } : { response: content, ...thought };
  const probable = logprobs === undefined ? {} : { logprobs: logprobs.map(ollamaLogprob) };
  return { model, created_at: now().toISOString(), ...piece, ...probable };
}

/** What the last part has, or the only one. */
export function endOf(output: Output, { api, elapsedMs }: AnswerOptions): object {
  const { usage, timings, finish_reason } = output;
  const totalMs = elapsedMs();
  const prefillMs = timings.prefill_ms ?? 0;
  const evalMs = timings.tokens_per_s > 0 ? (usage.completion_tokens / timings.tokens_per_s) * 1_000 : 0;
  return {
    done: true,
    done_reason: finish_reason === 'length' ? 'length' : 'stop',
    // ollama-ai-provider-v2 insists on it.
    ...(api === 'generate' ? { context: [] } : {}),
    total_duration: nanoseconds(totalMs),
    load_duration: nanoseconds(Math.max(0, totalMs - prefillMs - evalMs)),
    prompt_eval_count: usage.prompt_tokens,
    prompt_eval_duration: nanoseconds(prefillMs),
    eval_count: usage.completion_tokens,
    eval_duration: nanoseconds(evalMs),
  };
}

/** The answer to a request that is not streamed. */
export function wholeAnswer(output: Output, options: AnswerOptions): object {
  const { text, reasoning, tool_calls = [], logprobs } = output;
  const calls = tool_calls.map((call, index) => callOf(call, index, options));
  return { ...partOf({ content: text, thinking: reasoning, calls, logprobs }, options), ...endOf(output, options) };
}

/** The answer to a request without a prompt, which loads or unloads the model. */
export function emptyAnswer(reason: 'load' | 'unload', options: AnswerOptions): object {
  return { ...partOf({}, options), done: true, done_reason: reason };
}

/** A call: its arguments are an object, whatever the model has written. */
export function callOf(call: ToolCall, index: number, { hasIds }: Pick<AnswerOptions, 'hasIds'>): object {
  const called = { function: { index, name: call.name, arguments: argumentsOf(call) } };
  return hasIds ? { ...called, id: call.id } : called;
}

function argumentsOf({ arguments: text }: ToolCall): object {
  try {
    const input = JSON.parse(text === '' ? '{}' : text) as unknown;
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Only the arguments of an answer that was cut.
  }
  return { _raw: text };
}

function ollamaLogprob({ top, ...token }: TokenLogprob): object {
  return { ...token, ...(top.length === 0 ? {} : { top_logprobs: top }) };
}

export function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6);
}
