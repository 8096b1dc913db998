import * as z from 'zod';
import { texts } from '../texts.ts';

/** POST /v1/embeddings. Fields that are not listed are ignored. */
export const embeddingsRequest = z.looseObject({
  model: z.string().min(1).describe('required'),
  input: texts.describe(
    'required: text, token ids of the model, or a list of up to 2,048 of either; one that is too long is refused by its place',
  ),
  encoding_format: z.enum(['float', 'base64']).nullish().describe('honoured; `float` when omitted'),
  dimensions: z.int().min(1).nullish().describe('honoured: the first numbers of each vector, made a unit vector again'),
  user: z.unknown().optional().describe('ignored'),
});
