import type { ContentPart, Reasoning } from '../../contract/index.ts';
import { given, imageAt, MOST_CANDIDATES, MOST_TOKENS, keepAliveOf, RequestError, type InputFields } from '../common/index.ts';
import type { AnswerBody, Options } from './body.ts';

export type InferInput = InputFields<'infer'>;

const MOST_CONTEXT = 10_000_000;

/** The name of the model in a body. @throws JobError invalid_input */
export function modelOf({ model, name }: Pick<AnswerBody, 'model' | 'name'>): string {
  const named = model ?? name ?? '';
  if (named === '') throw new RequestError('model', 'is missing');
  return named;
}

/** What a body says besides its prompt. @throws JobError invalid_input */
export function answerInputOf(body: AnswerBody): InferInput {
  const { format, think, logprobs, top_logprobs } = body;
  return {
    model: modelOf(body),
    stream: body.stream !== false,
    ...placeOf(body),
    ...samplingOf(body),
    ...formatOf(format),
    ...given({ reasoning: reasoningOf(think) }),
    ...(logprobs === true ? given({ logprobs, top_logprobs }) : {}),
  };
}

/** What decides where it runs, and for how long the model stays loaded. */
export function placeOf({ options, keep_alive }: Pick<AnswerBody, 'options' | 'keep_alive'>): InferInput {
  const context = options?.num_ctx;
  const wanted = typeof context === 'number' && context >= 1 ? Math.min(Math.floor(context), MOST_CONTEXT) : undefined;
  return given({ context: wanted, keep_alive: keepAliveOf(keep_alive) });
}

function samplingOf({ options, temperature, max_output_tokens }: AnswerBody): InferInput {
  const of: Partial<Options> = options ?? {};
  const tokens = of.num_predict ?? max_output_tokens;
  return given({
    temperature: within(of.temperature ?? temperature, 0, 5),
    top_k: whole(within(of.top_k, 0, MOST_CANDIDATES)),
    top_p: within(of.top_p, 0, 1),
    min_p: within(of.min_p, 0, 1),
    seed: seedOf(of.seed),
    // -1, 0 and -2 all mean: to the end.
    max_tokens: typeof tokens === 'number' && tokens >= 1 ? whole(within(tokens, 1, MOST_TOKENS)) : undefined,
    stop: stopOf(of.stop),
    repeat_penalty: of.repeat_penalty === 0 ? undefined : within(of.repeat_penalty, 0.01, 10),
    // -1: all of the context.
    repeat_last_n: of.repeat_last_n === -1 ? MOST_TOKENS : whole(within(of.repeat_last_n, 0, MOST_TOKENS)),
    presence_penalty: within(of.presence_penalty, -2, 2),
    frequency_penalty: within(of.frequency_penalty, -2, 2),
  });
}

function within(value: number | null | undefined, least: number, most: number): number | undefined {
  return value === undefined || value === null ? undefined : Math.min(most, Math.max(least, value));
}

function whole(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.floor(value);
}

/** A negative one is random. */
function seedOf(seed: number | null | undefined): number | undefined {
  return seed === undefined || seed === null || seed < 0 ? undefined : Math.floor(seed) % 2 ** 32;
}

function stopOf(stop: Options['stop']): string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  const strings = (typeof stop === 'string' ? [stop] : stop).filter((each) => each !== '');
  return strings.length === 0 ? undefined : strings;
}

function formatOf(format: AnswerBody['format']): InferInput {
  if (format === undefined || format === null || format === '') return {};
  if (format === 'json') return { json: true };
  if (typeof format === 'string') throw new RequestError('format', "must be 'json' or a JSON schema");
  return { json_schema: format };
}

function reasoningOf(think: AnswerBody['think']): Reasoning | undefined {
  if (think === undefined || think === null || think === '') return undefined;
  if (typeof think === 'boolean') return { on: think };
  if (think === 'low' || think === 'medium' || think === 'high') return { on: true, effort: think };
  if (think === 'max') return { on: true, effort: 'high' };
  throw new RequestError('think', "must be true, false, 'low', 'medium', 'high' or 'max'");
}

/** Text, or text with its images before it. @param place of the images in the request */
export function contentOf(text: string, images: readonly string[] | null | undefined, place: string): string | ContentPart[] {
  if (images === undefined || images === null || images.length === 0) return text;
  const parts = images.map((data, index) => imageAt(`${place}[${index}]`, { media_type: mediaTypeOf(data), data }));
  return text === '' ? parts : [...parts, { type: 'text', text }];
}

/** The first bytes of the formats, in base64. */
const FORMATS: readonly (readonly [string, string])[] = [
  ['/9j/', 'image/jpeg'],
  ['R0lG', 'image/gif'],
  ['UklGR', 'image/webp'],
];

function mediaTypeOf(data: string): string {
  return FORMATS.find(([start]) => data.startsWith(start))?.[1] ?? 'image/png';
}
