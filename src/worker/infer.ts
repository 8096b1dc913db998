import { randomInt } from 'node:crypto';
import { JobError, type ChatMessage, type InputOf, type Run } from '../contract/index.ts';
import { narrate } from '../narration/index.ts';
import type { Engine, GenerateRequest } from './engines/index.ts';

const SEED_LIMIT = 2 ** 32;

/** The end of every `infer`: here tokens are made. */
export function createInfer(worker: { id: string; model: string; loaded: () => Promise<Engine> }): Run<'infer'> {
  return async function* (input, { signal }) {
    if (input.worker_id !== undefined && input.worker_id !== worker.id) {
      throw new JobError('worker_not_found', `Worker '${input.worker_id}' not found: this is ${worker.id}`);
    }
    const engine = await worker.loaded();
    const seed = input.seed ?? randomInt(SEED_LIMIT);
    narrate('infer', `${worker.id} is generating with ${worker.model}`, { detail: true });
    const generation = engine.generate(requestOf(input, seed), signal);
    for (;;) {
      const step = await generation.next();
      if (!step.done) {
        if (input.stream) yield { kind: 'token', data: { text: step.value } };
        continue;
      }
      const { value } = step;
      return {
        text: value.text,
        finish_reason: value.finishReason,
        model: worker.model,
        worker_id: worker.id,
        seed,
        usage: {
          prompt_tokens: value.promptTokens,
          cached_tokens: value.cachedTokens,
          completion_tokens: value.completionTokens,
        },
        timings: {
          queue_ms: tenths(value.queueMs),
          prefill_ms: tenths(value.prefillMs),
          first_token_ms: value.firstTokenMs === null ? null : tenths(value.firstTokenMs),
          tokens_per_s: tenths(value.tokensPerSecond),
        },
      };
    }
  };
}

/** Finer than this is noise. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function requestOf(input: InputOf<'infer'>, seed: number): GenerateRequest {
  return {
    messages: messagesOf(input),
    maxTokens: input.max_tokens,
    temperature: input.temperature,
    topP: input.top_p,
    topK: input.top_k,
    minP: input.min_p,
    seed,
    stop: input.stop ?? [],
    jsonSchema: input.json_schema,
  };
}

function messagesOf({ messages, prompt }: InputOf<'infer'>): ChatMessage[] {
  return messages ?? [{ role: 'user', content: prompt ?? '' }];
}
