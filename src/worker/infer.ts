import { randomInt } from 'node:crypto';
import { contextRefusal, JobError, type InputOf, type JobEvent, type OutputOf, type Run } from '../contract/index.ts';
import { raceAbort } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import type { GenerationEvent, CountRequest, Engine, GenerateRequest, Generation, RawPrompt } from './engines/index.ts';

const SEED_LIMIT = 2 ** 32;

export function requireText(input: Pick<InputOf<'infer'>, 'messages'>): void {
  for (const [index, { content }] of (input.messages ?? []).entries()) {
    const image = typeof content === 'string' ? -1 : content.findIndex(({ type }) => type === 'image');
    if (image >= 0)
      throw new JobError('invalid_input', `messages[${index}].content[${image}]: this model cannot see images here`);
  }
}

/** What a request that only loads the model gets. */
const NOTHING: Generation = {
  text: '',
  finishReason: 'length',
  promptTokens: 0,
  completionTokens: 0,
  queueMs: 0,
  firstTokenMs: null,
  tokensPerSecond: 0,
};

export interface LoadedWorker {
  id: string;
  model: string;
  loaded: () => Promise<Engine>;
}

/** @throws JobError worker_not_found for a request that names another worker */
export function requireWorker({ id }: LoadedWorker, { worker_id = id }: { worker_id?: string | undefined }): void {
  if (worker_id !== id) throw new JobError('worker_not_found', `Worker '${worker_id}' not found: this is ${id}`);
}

/** The last hop of every `infer`: generates the tokens. */
export function createInfer(worker: LoadedWorker): Run<'infer'> {
  return async function* (input, { signal }) {
    requireWorker(worker, input);
    const engine = await raceAbort(worker.loaded(), signal);
    const { context = 0 } = input;
    if (context > engine.contextSize) {
      throw contextRefusal(context, { context: engine.contextSize, what: `worker '${worker.id}'` });
    }
    const seed = input.seed ?? randomInt(SEED_LIMIT);
    if (input.max_tokens === 0) return outputOf(NOTHING, { model: worker.model, worker_id: worker.id, seed });
    requireText(input);
    const generating = () => narrate('infer', `${worker.id} is generating with ${worker.model}`, { detail: true });
    generating();
    const abandoned = new AbortController();
    const onQueue = (isWaiting: boolean) =>
      isWaiting ? narrate('queue', `all slots of ${worker.id} are taken; waiting for one`, { detail: true }) : generating();
    const generation = engine.generate({ ...requestOf(input, seed), onQueue }, AbortSignal.any([signal, abandoned.signal]));
    try {
      for (;;) {
        const step = await generation.next();
        if (step.done) return outputOf(step.value, { model: worker.model, worker_id: worker.id, seed });
        if (input.stream) yield eventOf(step.value);
      }
    } finally {
      // When the reader stops early, the slot must not compute the rest of the answer.
      abandoned.abort();
    }
  };
}

function eventOf(event: GenerationEvent): JobEvent {
  switch (event.kind) {
    case 'prompt':
      return { kind: 'prompt', data: { prompt_tokens: event.prompt_tokens, cached_tokens: event.cached_tokens } };
    case 'text':
      return { kind: 'token', data: { text: event.text, ...(event.logprobs && { logprobs: event.logprobs }) } };
    case 'reasoning':
      return { kind: 'reasoning', data: { text: event.text } };
    case 'tool_call':
      return { kind: 'tool_call', data: { index: event.index, id: event.id, name: event.name } };
    case 'tool_arguments':
      return { kind: 'tool_arguments', data: { index: event.index, text: event.text } };
  }
}

function outputOf(generation: Generation, made: { model: string; worker_id: string; seed: number }): OutputOf<'infer'> {
  return {
    text: generation.text,
    finish_reason: generation.finishReason,
    ...(generation.stopSequence !== undefined && { stop_sequence: generation.stopSequence }),
    ...(generation.reasoning && { reasoning: generation.reasoning }),
    ...(generation.toolCalls && generation.toolCalls.length > 0 && { tool_calls: generation.toolCalls }),
    ...(generation.logprobs && { logprobs: generation.logprobs }),
    ...made,
    usage: {
      prompt_tokens: generation.promptTokens,
      ...(generation.cachedTokens === undefined ? {} : { cached_tokens: generation.cachedTokens }),
      completion_tokens: generation.completionTokens,
      ...(generation.reasoningTokens && { reasoning_tokens: generation.reasoningTokens }),
    },
    timings: {
      queue_ms: tenths(generation.queueMs),
      ...(generation.prefillMs === undefined ? {} : { prefill_ms: tenths(generation.prefillMs) }),
      first_token_ms: generation.firstTokenMs === null ? null : tenths(generation.firstTokenMs),
      tokens_per_s: tenths(generation.tokensPerSecond),
    },
  };
}

/** Finer than this is noise. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** What the prompt of a request is made of. */
export function countRequestOf(input: InputOf<'count_tokens'> | InputOf<'infer'>): CountRequest {
  const { messages, prompt, tools, tool_choice, reasoning, chat_template_kwargs } = input;
  const raw = rawPromptOf(input);
  return {
    ...(raw && { raw }),
    messages: raw ? [] : (messages ?? [{ role: 'user', content: prompt ?? '' }]),
    tools: tools ?? [],
    toolChoice: tool_choice ?? 'auto',
    reasoning: reasoning ?? {},
    variables: chat_template_kwargs ?? {},
  };
}

function rawPromptOf(input: InputOf<'count_tokens'> | InputOf<'infer'>): RawPrompt | undefined {
  if (input.prompt_tokens !== undefined) return { tokens: input.prompt_tokens };
  if (input.raw !== true) return undefined;
  return { text: input.prompt ?? '', ...('suffix' in input && { suffix: input.suffix }) };
}

function requestOf(input: InputOf<'infer'>, seed: number): GenerateRequest {
  return {
    ...countRequestOf(input),
    maxTokens: input.max_tokens,
    temperature: input.temperature,
    topP: input.top_p,
    topK: input.top_k,
    minP: input.min_p,
    penalties: {
      presence: input.presence_penalty,
      frequency: input.frequency_penalty,
      repeat: input.repeat_penalty,
      lastTokens: input.repeat_last_n,
    },
    bias: input.logit_bias,
    logprobs: input.logprobs === true ? { top: input.top_logprobs ?? 0 } : undefined,
    seed,
    stop: input.stop ?? [],
    jsonSchema: input.json_schema ?? (input.json ? { type: 'object' } : undefined),
    isSchemaLoose: input.strict === false,
    isOneCall: input.parallel_tool_calls === false,
    onIgnored: (places) => narrate('schema', `not enforced: ${shortList(places)}`, { detail: true }),
  };
}

const LISTED_PLACES = 10;

function shortList(places: readonly string[]): string {
  const more = places.length - LISTED_PLACES;
  return `${places.slice(0, LISTED_PLACES).join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}
