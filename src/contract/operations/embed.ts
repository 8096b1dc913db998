import * as z from 'zod';
import { DEFAULT_MODEL } from '../defaults.ts';
import { inferInput, withOnePrompt } from './infer.ts';
import type { OperationSpec } from './operation-spec.ts';

/** Texts, or documents, of one request. */
const TEXTS_LIMIT = 2_048;

const { device, worker_id, hive_id, context, keep_alive } = inferInput.shape;
const place = {
  model: z.string().min(1).max(1024).default(DEFAULT_MODEL).describe('Name of a model, or path of a .gguf file'),
  device,
  worker_id,
  hive_id,
  context,
  keep_alive,
};

const ran = { model: z.string(), worker_id: z.string() };
const usage = z.object({ prompt_tokens: z.int().describe('Of all texts together') });

const embed = {
  runsOn: 'worker',
  mayRepeat: true,
  summary: 'Turn texts into vectors',
  input: z.strictObject({
    texts: z
      .array(z.union([z.string(), z.array(z.int().min(0)).max(1_000_000)]))
      .min(1)
      .max(TEXTS_LIMIT)
      .describe('Texts, or token ids of the model'),
    dimensions: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Only the first numbers of each vector, made a unit vector again'),
    truncate: z.boolean().optional().describe('Cuts a text that is too long at its end; refused when omitted'),
    ...place,
  }),
  output: z.object({
    embeddings: z.array(z.base64()).describe('A unit vector for each text: 32-bit floats, little-endian, as base64'),
    dimensions: z.int(),
    ...ran,
    usage,
  }),
  examples: ['rbee embed "What does a bee do?"', 'rbee embed --json < notes.txt'],
} as const satisfies OperationSpec;

const rerank = {
  runsOn: 'worker',
  mayRepeat: true,
  summary: 'Sort documents by how well they answer a query',
  input: z.strictObject({
    query: z.string().min(1),
    documents: z.array(z.string()).min(1).max(TEXTS_LIMIT).describe('The texts to compare with the query'),
    top_n: z.int().min(1).optional().describe('Only the best ones; all when omitted'),
    ...place,
  }),
  output: z.object({
    results: z
      .array(z.object({ index: z.int().describe('In documents'), relevance_score: z.number().describe('0 to 1') }))
      .describe('The best first'),
    ...ran,
    usage,
  }),
  examples: ['rbee rerank "What does a bee do?" --documents "It flies." --documents "It barks." --model bge-reranker'],
} as const satisfies OperationSpec;

const { prompt, messages, raw, prompt_tokens, tools, tool_choice, reasoning, chat_template_kwargs } = inferInput.shape;

const count_tokens = {
  runsOn: 'worker',
  mayRepeat: true,
  summary: 'Count the tokens of a prompt',
  input: withOnePrompt(
    z.strictObject({
      prompt,
      messages,
      raw,
      prompt_tokens,
      tools,
      tool_choice,
      reasoning,
      chat_template_kwargs,
      ...place,
    }),
  ),
  output: z.object({ prompt_tokens: z.int().describe('As infer counts them'), ...ran }),
  examples: ['rbee tokens "What does a bee do?"'],
} as const satisfies OperationSpec;

export const embedOperations = { embed, rerank, count_tokens } as const satisfies Record<string, OperationSpec>;
