import * as z from 'zod';
import { listOf } from '../common/list-of.ts';
import { MOST_CANDIDATES, MOST_TOKENS } from '../common/most.ts';
import type { InputFields } from '../common/index.ts';

const LARGEST_SEED = 2 ** 32;

/** More than the tokens of any language in a vocabulary. Each wrong value would be reported. */
const MOST_BIASES = 100_000;
const biases = z
  .record(z.string(), z.unknown())
  .refine((given) => Object.keys(given).length <= MOST_BIASES, { abort: true, error: `must have at most ${MOST_BIASES} tokens` })
  .pipe(z.record(z.string(), z.number()));

const oneOrMore = z.union([z.string(), listOf(z.string())]);

/** What a request of either kind of completion may say of how tokens are chosen. */
export const samplingFields = {
  max_tokens: z.int().min(1).nullish().describe('honoured; up to the end of the context when omitted or larger'),
  temperature: z.number().nullish().describe('honoured: 0 to 5'),
  top_p: z.number().nullish().describe('honoured'),
  top_k: z.int().nullish().describe('honoured; 0 and less: all tokens'),
  min_p: z.number().nullish().describe('honoured'),
  seed: z.int().nullish().describe('honoured; a negative one is random'),
  stop: oneOrMore.nullish().describe('honoured: a text of up to 256 characters, or up to 16'),
  presence_penalty: z.number().nullish().describe('honoured: -2 to 2'),
  frequency_penalty: z.number().nullish().describe('honoured: -2 to 2'),
  repeat_penalty: z.number().nullish().describe('honoured'),
  logit_bias: biases.nullish().describe('honoured, by token ids of the model; refused for tokens that end an answer'),
  keep_alive: z
    .union([z.number(), z.string()])
    .nullish()
    .describe("honoured: how long the model stays loaded, as in Ollama's API"),
  options: z
    .looseObject({ num_ctx: z.int().min(1).nullish() })
    .nullish()
    .describe('`num_ctx` is honoured: a worker with that context, or 400 with both numbers'),
};

/** What the fields of an operation are called here. */
export const SAMPLING_NAMES = { context: 'options.num_ctx' };

type Sampling = z.output<z.ZodObject<typeof samplingFields>>;

/** @param choice of a request for several: each has a seed of its own */
export function samplingOf(fields: Sampling, choice: number): InputFields<'infer'> {
  const { seed, top_k: topK, stop } = fields;
  return {
    max_tokens: cut(fields.max_tokens),
    temperature: fields.temperature ?? undefined,
    top_p: fields.top_p ?? undefined,
    top_k: typeof topK === 'number' ? Math.min(MOST_CANDIDATES, Math.max(0, topK)) : undefined,
    min_p: fields.min_p ?? undefined,
    seed: typeof seed === 'number' && seed >= 0 ? (seed + choice) % LARGEST_SEED : undefined,
    stop: stopsOf(stop),
    presence_penalty: fields.presence_penalty ?? undefined,
    frequency_penalty: fields.frequency_penalty ?? undefined,
    repeat_penalty: fields.repeat_penalty ?? undefined,
    logit_bias: fields.logit_bias ?? undefined,
    context: fields.options?.num_ctx ?? undefined,
  };
}

/** More than any context holds is no error: the answer ends with the context. */
export function cut(tokens: number | null | undefined): number | undefined {
  return typeof tokens === 'number' ? Math.min(tokens, MOST_TOKENS) : undefined;
}

function stopsOf(stop: string | string[] | null | undefined): string[] | undefined {
  const stops = [stop ?? []].flat().filter((text) => text !== '');
  return stops.length === 0 ? undefined : stops;
}
