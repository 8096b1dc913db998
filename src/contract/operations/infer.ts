import * as z from 'zod';
import { DEFAULT_MODEL } from '../defaults.ts';
import { explanation } from '../explanation.ts';
import { chatMessage, calledTool, reasoning, tool, toolChoice, tokenLogprob } from './conversation.ts';
import { jsonObject } from '../json-object.ts';
import type { OperationSpec } from './operation-spec.ts';

interface PromptFields {
  prompt?: string | undefined;
  messages?: readonly unknown[] | undefined;
  prompt_tokens?: readonly number[] | undefined;
  raw?: boolean | undefined;
  tools?: readonly unknown[] | undefined;
}

/** A request has its prompt in one of three forms. */
export function withOnePrompt<Input extends z.ZodObject>(input: Input): Input {
  return input.superRefine((value, context) => {
    const { prompt, messages, prompt_tokens, raw, tools = [] } = value as PromptFields;
    const given = [prompt, messages, prompt_tokens].filter((each) => each !== undefined);
    const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (given.length !== 1) refuse('prompt', "give one of 'prompt', 'messages' and 'prompt_tokens'");
    else if (prompt === '' && raw !== true) refuse('prompt', 'must not be empty');
    else if (messages !== undefined && raw === true) refuse('raw', "is for 'prompt', not for 'messages'");
    else if (tools.length > 0 && (raw === true || prompt_tokens !== undefined))
      refuse('tools', 'are part of a chat template, and a raw prompt has none');
  });
}

export const inferInput = withOnePrompt(
  z.strictObject({
    model: z.string().min(1).max(1024).default(DEFAULT_MODEL).describe('Name of a model, or path of a .gguf file'),
    prompt: z.string().optional().describe('The prompt, as one user message'),
    messages: z.array(chatMessage).min(1).max(10_000).optional().describe('A conversation, instead of prompt'),
    raw: z.boolean().optional().describe("The prompt is the model's whole input: no chat template"),
    prompt_tokens: z.array(z.int().min(0)).max(10_000_000).optional().describe('A raw prompt as token ids, instead of prompt'),
    suffix: z.string().optional().describe('Text after the answer, for models trained to fill in the middle; with raw'),
    tools: z.array(tool).max(1_000).optional().describe('Tools that the model may call'),
    tool_choice: toolChoice.optional().describe('Whether the answer may or must call tools, and which ones; auto when omitted'),
    parallel_tool_calls: z.boolean().optional().describe('Whether the answer may call several tools; true when omitted'),
    reasoning: reasoning.optional().describe('Whether the model reasons before it answers, and how much'),
    chat_template_kwargs: jsonObject.optional().describe('Further variables for the chat template'),
    max_tokens: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Maximum number of tokens to generate; up to the end of the context when omitted; 0 only loads the model'),
    temperature: z
      .number()
      .min(0)
      .max(5)
      .optional()
      .describe(
        "Sampling temperature; 0 always picks the likeliest token; the model's own recommendation when omitted, else 0.7",
      ),
    top_p: z.number().min(0).max(1).optional().describe('Sample from the likeliest tokens whose probabilities add up to this'),
    top_k: z.int().min(0).max(100_000).optional().describe('Sample from this many of the likeliest tokens; 0 for all'),
    min_p: z.number().min(0).max(1).optional().describe('Exclude tokens whose probability is below this share of the likeliest'),
    presence_penalty: z.number().min(-2).max(2).optional().describe('Lower the probability of tokens that occurred'),
    frequency_penalty: z.number().min(-2).max(2).optional().describe('Lower it the more often they occurred'),
    repeat_penalty: z.number().min(0.01).max(10).optional().describe('Divide the scores of recent tokens by this; 1 for none'),
    repeat_last_n: z.int().min(0).max(1_000_000).optional().describe('Recent tokens that the penalties look at; 64 when omitted'),
    logit_bias: z.record(z.string(), z.number().min(-100).max(100)).optional().describe('Added to the scores of tokens, by id'),
    logprobs: z
      .boolean()
      .optional()
      .describe("The model's own probability of each token, from before sampling; slower, and not with a grammar"),
    top_logprobs: z
      .int()
      .min(0)
      .max(20)
      .optional()
      .describe('Likeliest tokens to report with logprobs; an answer with 20 of them ends after about 1,800 tokens'),
    seed: z.int().min(0).max(4_294_967_295).optional().describe('The same seed gives the same text; random when omitted'),
    stop: z.array(z.string().min(1).max(256)).max(16).optional().describe('Stop before any of these strings'),
    json: z.boolean().optional().describe('Answer with a JSON object'),
    json_schema: jsonObject.optional().describe('Answer with JSON that matches this schema'),
    strict: z.boolean().optional().describe('false ignores what cannot be enforced of a JSON schema, instead of refusing it'),
    context: z.int().min(1).max(10_000_000).optional().describe('Tokens that the context must hold, prompt and answer together'),
    slots: z.int().min(1).max(256).optional().describe('Requests at once of a worker that is started for this request'),
    keep_alive: z
      .number()
      .min(-1)
      .max(31_536_000)
      .optional()
      .describe('Seconds without a request after which the worker is stopped; 0 after this one, -1 never'),
    device: z.string().max(32).optional().describe('Run only on this device, for example cpu or cuda:1'),
    worker_id: z.string().max(64).optional().describe('Run only on this worker'),
    hive_id: z.string().max(64).optional().describe('Run only on this hive; the queen chooses when omitted'),
    continue_elsewhere: z
      .boolean()
      .default(false)
      .describe('If its worker fails in mid-answer, another worker continues the answer'),
    stream: z.boolean().default(true).describe('Stream tokens as they are generated; false for the result alone'),
  }),
)
  .refine(({ suffix, raw, prompt }) => suffix === undefined || (raw === true && prompt !== undefined), {
    path: ['suffix'],
    error: "needs 'raw' and 'prompt'",
  })
  .refine(({ logprobs, top_logprobs = 0 }) => top_logprobs === 0 || logprobs === true, {
    path: ['top_logprobs'],
    error: "needs 'logprobs'",
  })
  .refine(({ strict, json_schema }) => strict !== true || json_schema !== undefined, {
    path: ['strict'],
    error: "needs 'json_schema'",
  });

export const inferOutput = z.object({
  text: z.string().describe('The answer, without reasoning and tool calls'),
  finish_reason: z
    .enum(['stop', 'length', 'tool_calls'])
    .describe("'length' when max_tokens or the context was reached; 'tool_calls' when the model waits for results"),
  stop_sequence: z.string().optional().describe('The string of stop at which it ended'),
  reasoning: z.string().optional().describe('The reasoning before the answer'),
  tool_calls: z.array(calledTool).optional().describe('The tools that the model called'),
  logprobs: z.array(tokenLogprob).optional().describe('Of each token of the text, where they were requested'),
  model: z.string(),
  worker_id: z.string(),
  seed: z.int().describe('The seed that reproduces the text'),
  usage: z.object({
    prompt_tokens: z.int(),
    cached_tokens: z.int().optional().describe('Prompt tokens found in the KV cache; absent where the engine does not report it'),
    completion_tokens: z.int(),
    reasoning_tokens: z.int().optional().describe('Those of completion_tokens that were reasoning'),
  }),
  continued: z.int().optional().describe('How often another worker continued the answer; tokens are then counted by events'),
  timings: z.object({
    queue_ms: z.number().describe('Time waiting for a slot'),
    prefill_ms: z.number().optional().describe('Time computing the prompt; absent where the engine does not report it'),
    first_token_ms: z.number().nullable().describe('Time from the request to the first token; null when there was none'),
    tokens_per_s: z.number().describe('Generation speed'),
  }),
});

export const infer = {
  runsOn: 'worker',
  mayRepeat: true,
  summary: 'Run a prompt and stream the answer',
  subject: 'prompt',
  input: inferInput,
  output: inferOutput,
  examples: [
    'rbee infer "What does a bee do?"',
    'echo "Tell me a story" | rbee infer',
    'rbee infer "Say hi" --model ./model.gguf --max-tokens 32',
  ],
} as const satisfies OperationSpec;

export const explain = {
  runsOn: 'queen',
  summary: 'Show where a request would run now, and why',
  subject: 'prompt',
  input: inferInput,
  output: explanation,
  examples: ['rbee explain "What does a bee do?"', 'rbee infer "Say hi" --model qwen3-8b --dry-run'],
} as const satisfies OperationSpec;
