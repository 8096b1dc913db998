import type { OutputOf, TokenLogprob } from '../../../contract/index.ts';
import { newId } from '../../common/index.ts';

/** What is the same in every part of an answer. */
export interface ChatHead {
  id: string;
  created: number;
  /** As the client named it. */
  model: string;
  system_fingerprint: string;
}

/** @param prefix of the id */
export function headOf(model: string, prefix = 'chatcmpl-'): ChatHead {
  const created = Math.floor(Date.now() / 1000);
  return { id: newId(prefix), created, model, system_fingerprint: `rbee-${__RBEE_VERSION__}` };
}

/** Choices of one prompt share it: it counts once. @param each number of choices for each prompt */
export function usageOf(outputs: readonly OutputOf<'infer'>[], each = outputs.length) {
  const usages = outputs.map(({ usage }) => usage);
  const prompts = usages.filter((_, index) => index % each === 0);
  const prompt = sum(prompts.map(({ prompt_tokens }) => prompt_tokens));
  const completion = sum(usages.map(({ completion_tokens }) => completion_tokens));
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: sum(prompts.map(({ cached_tokens = 0 }) => cached_tokens)) },
    completion_tokens_details: { reasoning_tokens: sum(usages.map(({ reasoning_tokens = 0 }) => reasoning_tokens)) },
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** As llama.cpp reports them; for people. */
export function timingsOf({ usage, timings }: OutputOf<'infer'>) {
  const cached = usage.cached_tokens ?? 0;
  return {
    cache_n: cached,
    prompt_n: usage.prompt_tokens - cached,
    prompt_ms: timings.prefill_ms ?? null,
    predicted_n: usage.completion_tokens,
    predicted_per_second: timings.tokens_per_s,
    queue_ms: timings.queue_ms,
    first_token_ms: timings.first_token_ms,
  };
}

/** Of tokens, in the shape that all endpoints for chats have. */
export function logprobEntries(logprobs: readonly TokenLogprob[]) {
  return logprobs.map(({ token, logprob, bytes, top }) => ({ token, logprob, bytes, top_logprobs: top }));
}

/** Both names: some clients read the one, some the other. */
export function reasoningFields(text: string) {
  return { reasoning_content: text, reasoning: text };
}
