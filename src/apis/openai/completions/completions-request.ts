import * as z from 'zod';
import { samplingFields } from '../sampling.ts';
import { texts } from '../texts.ts';

/** POST /v1/completions. Fields that are not listed are ignored. */
export const completionsRequest = z.looseObject({
  model: z.string().min(1).describe('required'),
  prompt: texts.describe('required: text, token ids, or a list of either; no chat template'),
  ...samplingFields,
  max_tokens: z.int().min(1).nullish().describe('honoured; up to the end of the context when omitted'),
  suffix: z.string().nullish().describe('honoured by models that are trained to fill in the middle, refused for others'),
  n: z.int().min(1).max(16).nullish().describe('honoured: up to 16 choices for each prompt'),
  best_of: z.int().nullish().describe('refused above `n`'),
  echo: z.boolean().nullish().describe('refused when true'),
  logprobs: z.int().min(0).max(20).nullish().describe('honoured: as many alternatives'),
  stream: z.boolean().nullish().describe('honoured'),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish() })
    .nullish()
    .describe('`include_usage` is honoured, the rest is ignored'),
  user: z.unknown().optional().describe('ignored'),
});
export type CompletionsRequest = z.output<typeof completionsRequest>;
