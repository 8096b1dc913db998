import * as z from 'zod';
import { explanation } from '../entities.ts';
import { DEFAULT_MODEL } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

const message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type ChatMessage = z.output<typeof message>;

export const inferInput = z
  .strictObject({
    model: z.string().min(1).max(1024).default(DEFAULT_MODEL).describe('Name of a model, or the path of a .gguf file'),
    prompt: z.string().min(1).optional().describe('What to say to the model, as one user message'),
    messages: z.array(message).min(1).max(10_000).optional().describe('A conversation, in place of prompt'),
    max_tokens: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Most tokens to generate; to the end of the context when left out'),
    temperature: z.number().min(0).max(5).default(0.7).describe('0 always takes the likeliest token'),
    top_p: z.number().min(0).max(1).optional().describe('Sample from the likeliest tokens that add up to this'),
    top_k: z.int().min(0).max(100_000).optional().describe('Sample from this many of the likeliest tokens; 0 for all'),
    min_p: z.number().min(0).max(1).optional().describe('Leave out tokens less likely than this share of the likeliest'),
    seed: z.int().min(0).max(4_294_967_295).optional().describe('Same seed, same text; random when left out'),
    stop: z.array(z.string().min(1).max(256)).max(16).optional().describe('End before any of these strings'),
    json_schema: z.record(z.string(), z.json()).optional().describe('Answer with JSON of this schema'),
    device: z.string().max(32).optional().describe('Only on this device, for example cpu or cuda:1'),
    worker_id: z.string().max(64).optional().describe('Only on this worker'),
    hive_id: z.string().max(64).optional().describe('Only on this hive; the queen decides when left out'),
    continue_elsewhere: z
      .boolean()
      .default(false)
      .describe('When its worker is lost in the middle of the answer, let another one go on from there'),
    stream: z.boolean().default(true).describe('Send tokens as they come; false for the result alone'),
  })
  .refine((input) => (input.prompt === undefined) !== (input.messages === undefined), {
    path: ['prompt'],
    error: "give either 'prompt' or 'messages'",
  });

export const inferOutput = z.object({
  text: z.string(),
  finish_reason: z.enum(['stop', 'length']).describe("'length' when max_tokens or the context ended it"),
  model: z.string(),
  worker_id: z.string(),
  seed: z.int().describe('The seed that gives the same text again'),
  usage: z.object({
    prompt_tokens: z.int(),
    cached_tokens: z
      .int()
      .optional()
      .describe('Prompt tokens that were still in the KV cache; absent where the engine does not report it'),
    completion_tokens: z.int(),
  }),
  continued: z
    .int()
    .optional()
    .describe('How often another worker went on with the answer; its tokens are counted by events then'),
  timings: z.object({
    queue_ms: z.number().describe('Waiting for a slot'),
    prefill_ms: z.number().optional().describe('Reading the prompt; absent where the engine does not report it'),
    first_token_ms: z.number().nullable().describe('From the request to the first token; null when there was none'),
    tokens_per_s: z.number().describe('While generating'),
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
  summary: 'Say where a request would run now, and why there and nowhere else',
  subject: 'prompt',
  input: inferInput,
  output: explanation,
  examples: ['rbee explain "What does a bee do?"', 'rbee infer "Say hi" --model qwen3-8b --dry-run'],
} as const satisfies OperationSpec;
