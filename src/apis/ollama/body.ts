import * as z from 'zod';
import { listOf } from '../common/list-of.ts';
import { jsonObject } from '../../contract/index.ts';

/*
 * What is read of a body, by the names of Ollama's API. Everything else is accepted and ignored, at every depth; null is the same as
 * nothing.
 */

const number = z.number().nullish();

/** `name` is the older name of the field. */
export const namedBody = z.looseObject({ model: z.string().nullish(), name: z.string().nullish() });

const options = z.looseObject({
  temperature: number,
  top_k: number,
  top_p: number,
  min_p: number,
  seed: number,
  num_predict: number,
  stop: z.union([z.string(), listOf(z.string())]).nullish(),
  repeat_penalty: number,
  repeat_last_n: number,
  presence_penalty: number,
  frequency_penalty: number,
  num_ctx: number,
});
export type Options = z.output<typeof options>;

/** Fields of both /api/chat and /api/generate. */
const answerBody = namedBody.extend({
  options: options.nullish(),
  format: z.union([z.string(), jsonObject]).nullish(),
  think: z.union([z.boolean(), z.string()]).nullish(),
  keep_alive: z.union([z.string(), z.number()]).nullish(),
  stream: z.boolean().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  // ollama-ai-provider-v2 sends these beside the options.
  temperature: number,
  max_output_tokens: number,
});
export type AnswerBody = z.output<typeof answerBody>;

const images = listOf(z.base64('must be the base64 of an image')).nullish();

const calledFunction = z.looseObject({
  name: z.string(),
  arguments: z.union([jsonObject, z.string()]).nullish(),
});

const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string().nullish(),
  thinking: z.string().nullish(),
  images,
  tool_calls: listOf(z.looseObject({ id: z.string().nullish(), function: calledFunction })).nullish(),
  tool_name: z.string().nullish(),
  tool_call_id: z.string().nullish(),
});
export type Message = z.output<typeof message>;

const tool = z.looseObject({
  type: z.string().nullish(),
  function: z
    .looseObject({ name: z.string().min(1), description: z.string().nullish(), parameters: jsonObject.nullish() })
    .nullish(),
});
export type ToolOfBody = z.output<typeof tool>;

const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.looseObject({ function: z.looseObject({ name: z.string() }) }),
]);

export const chatBody = answerBody.extend({
  messages: listOf(message).nullish(),
  tools: listOf(tool).nullish(),
  tool_choice: toolChoice.nullish(),
});
export type ChatBody = z.output<typeof chatBody>;

export const generateBody = answerBody.extend({
  prompt: z.string().nullish(),
  system: z.string().nullish(),
  suffix: z.string().nullish(),
  images,
  raw: z.boolean().nullish(),
  template: z.string().nullish(),
  context: listOf(z.int()).nullish(),
});
export type GenerateBody = z.output<typeof generateBody>;

export const embedBody = namedBody.extend({
  input: z.union([z.string(), listOf(z.string())]),
  truncate: z.boolean().nullish(),
  dimensions: z.int().min(1).nullish(),
  keep_alive: z.union([z.string(), z.number()]).nullish(),
});

export const embeddingsBody = namedBody.extend({
  prompt: z.string(),
  keep_alive: z.union([z.string(), z.number()]).nullish(),
});

export const pullBody = namedBody.extend({ stream: z.boolean().nullish() });
export const copyBody = z.looseObject({ source: z.string().min(1), destination: z.string().min(1) });
export const showBody = namedBody.extend({ verbose: z.boolean().nullish() });
