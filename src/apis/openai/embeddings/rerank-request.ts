import * as z from 'zod';
import { listOf } from '../../common/list-of.ts';

/** POST /v1/rerank, as Jina, Cohere and llama.cpp have it. Fields that are not listed are ignored. */
export const rerankRequest = z.looseObject({
  model: z.string().min(1).describe('required'),
  query: z.string().min(1).describe('required'),
  documents: listOf(z.union([z.string(), z.looseObject({ text: z.string() })]), { min: 1 }).describe(
    'required: texts, or objects with a `text`',
  ),
  top_n: z.int().min(1).nullish().describe('honoured'),
  return_documents: z.boolean().nullish().describe('honoured'),
});
