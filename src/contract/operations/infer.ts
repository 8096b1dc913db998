import * as z from 'zod';
import { DEFAULT_MODEL } from '../defaults.ts';
import { explanation } from '../entities.ts';
import type { OperationSpec } from './operation-spec.ts';

const message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type ChatMessage = z.output<typeof message>;

export const inferInput = z
  .strictObject({
    model: z.string().min(1).max(1024).default(DEFAULT_MODEL).describe('Name of a model, or path of a .gguf file'),
    prompt: z.string().min(1).optional().describe('The prompt, as one user message'),
    messages: z.array(message).min(1).max(10_000).optional().describe('A conversation, instead of prompt'),
    max_tokens: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Maximum number of tokens to generate; up to the end of the context when omitted'),
    temperature: z.number().min(0).max(5).default(0.7).describe('Sampling temperature; 0 always picks the likeliest token'),
    top_p: z.number().min(0).max(1).optional().describe('Sample from the likeliest tokens whose probabilities add up to this'),
    top_k: z.int().min(0).max(100_000).optional().describe('Sample from this many of the likeliest tokens; 0 for all'),
    min_p: z.number().min(0).max(1).optional().describe('Exclude tokens whose probability is below this share of the likeliest'),
    seed: z.int().min(0).max(4_294_967_295).optional().describe('The same seed gives the same text; random when omitted'),
    stop: z.array(z.string().min(1).max(256)).max(16).optional().describe('Stop before any of these strings'),
    json_schema: z.record(z.string(), z.json()).optional().describe('Answer with JSON that matches this schema'),
    device: z.string().max(32).optional().describe('Run only on this device, for example cpu or cuda:1'),
    worker_id: z.string().max(64).optional().describe('Run only on this worker'),
    hive_id: z.string().max(64).optional().describe('Run only on this hive; the queen chooses when omitted'),
    continue_elsewhere: z
      .boolean()
      .default(false)
      .describe('If its worker fails in mid-answer, another worker continues the answer'),
    stream: z.boolean().default(true).describe('Stream tokens as they are generated; false for the result alone'),
  })
  .refine((input) => (input.prompt === undefined) !== (input.messages === undefined), {
    path: ['prompt'],
    error: "give either 'prompt' or 'messages'",
  });

export const inferOutput = z.object({
  text: z.string(),
  finish_reason: z.enum(['stop', 'length']).describe("'length' when max_tokens or the context was reached"),
  model: z.string(),
  worker_id: z.string(),
  seed: z.int().describe('The seed that reproduces the text'),
  usage: z.object({
    prompt_tokens: z.int(),
    cached_tokens: z.int().optional().describe('Prompt tokens found in the KV cache; absent where the engine does not report it'),
    completion_tokens: z.int(),
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
