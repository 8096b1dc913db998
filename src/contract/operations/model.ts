import * as z from 'zod';
import { foundModel, hubModels, model, MODELS_LIMIT, unfinishedModel } from '../entities.ts';
import { hive_id, model_name } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

export const modelOperations = {
  model_download: {
    runsOn: 'hive',
    mayRepeat: true,
    summary: 'Download a model to a hive',
    subject: 'model',
    input: z.strictObject({
      hive_id,
      model: z
        .string()
        .min(1)
        .max(4096)
        .describe('org/repo:QUANT on the Hugging Face Hub, the URL of a .gguf file, or its path on the machine of the hive'),
      name: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'letters, digits, dot, dash and underscore only')
        .optional()
        .describe('Name of the model; when omitted, its name on the Hub, or the file name'),
      sha256: z
        .string()
        .regex(/^[0-9a-fA-F]{64}$/, '64 hexadecimal digits')
        .optional()
        .describe('Reject the file when its digest differs'),
    }),
    output: model,
    examples: [
      'rbee model download unsloth/Qwen3-8B-GGUF:Q4_K_M',
      'rbee model download https://example.org/qwen3-8b-Q4_K_M.gguf --name qwen3-8b',
    ],
  },
  model_list: {
    runsOn: 'hive',
    mayRepeat: true,
    readsOnly: true,
    summary: 'List the models of a hive',
    input: z.strictObject({ hive_id }),
    output: z.object({
      models: z.array(model).max(MODELS_LIMIT),
      unfinished: z
        .array(unfinishedModel)
        .max(MODELS_LIMIT)
        .optional()
        .describe('Unfinished downloads; absent when there are none'),
    }),
    examples: ['rbee model list'],
  },
  model_get: {
    runsOn: 'hive',
    mayRepeat: true,
    readsOnly: true,
    summary: 'Show one model',
    subject: 'model',
    input: z.strictObject({ hive_id, model: model_name }),
    output: model,
    examples: ['rbee model get tiny'],
  },
  model_files: {
    runsOn: 'hive',
    mayRepeat: true,
    readsOnly: true,
    summary: 'Show which models a repository of the Hugging Face Hub has, and which of them fit a hive',
    subject: 'model',
    input: z.strictObject({ hive_id, model: z.string().min(1).max(1024).describe('org/repo, with an optional @revision') }),
    output: hubModels,
    examples: ['rbee model files unsloth/Qwen3-8B-GGUF'],
  },
  model_search: {
    runsOn: 'hive',
    mayRepeat: true,
    readsOnly: true,
    summary: 'Search the Hugging Face Hub for models that rbee can run',
    subject: 'query',
    subjectIsText: true,
    input: z.strictObject({
      hive_id,
      query: z.string().min(1).max(200).describe('Words of the name'),
      limit: z.int().min(1).max(100).default(20).describe('At most this many'),
      sort: z.enum(['downloads', 'trending', 'updated']).default('downloads').describe('Which come first'),
    }),
    output: z.object({ models: z.array(foundModel).max(100) }),
    examples: ['rbee model search qwen3 8b', 'rbee model search gemma --sort updated --limit 5'],
  },
  model_delete: {
    runsOn: 'hive',
    summary: 'Delete a model and its file',
    subject: 'model',
    input: z.strictObject({ hive_id, model: model_name }),
    output: z.object({ model: z.string() }),
    examples: ['rbee model delete qwen3-8b'],
  },
} as const satisfies Record<string, OperationSpec>;
