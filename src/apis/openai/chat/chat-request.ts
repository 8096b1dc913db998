import * as z from 'zod';
import { listOf } from '../../common/list-of.ts';
import { jsonObject } from '../../../contract/index.ts';
import { samplingFields } from '../sampling.ts';

const anything = z.unknown().optional();
const ignored = () => anything.describe('ignored');

const functionSchema = z.looseObject({
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: jsonObject.nullish(),
});

const toolSchema = z.looseObject({
  type: z.string().nullish(),
  function: functionSchema.nullish(),
  custom: z.looseObject({ name: z.string().min(1), description: z.string().nullish() }).nullish(),
});
export type ChatTool = z.output<typeof toolSchema>;

const toolCallSchema = z.looseObject({
  id: z.string().nullish(),
  type: z.string().nullish(),
  function: z.looseObject({ name: z.string(), arguments: z.unknown().optional() }).nullish(),
  custom: z.looseObject({ name: z.string(), input: z.string().nullish() }).nullish(),
});

const messageSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), listOf(z.looseObject({ type: z.string() }))]).nullish(),
  name: z.string().nullish(),
  tool_calls: listOf(toolCallSchema).nullish(),
  tool_call_id: z.string().nullish(),
  function_call: z.looseObject({ name: z.string(), arguments: z.unknown().optional() }).nullish(),
  reasoning_content: z.string().nullish(),
  reasoning: z.unknown().optional(),
});
export type ChatMessageFields = z.output<typeof messageSchema>;
export type ChatToolCall = z.output<typeof toolCallSchema>;

const named = z.looseObject({ name: z.string() });
const choiceSchema = z.union([
  z.enum(['auto', 'none', 'required']),
  z.looseObject({ type: z.literal('function'), function: named }),
  z.looseObject({ type: z.literal('custom'), custom: named }),
  z.looseObject({
    type: z.literal('allowed_tools'),
    allowed_tools: z.looseObject({
      mode: z.enum(['auto', 'required']).nullish(),
      tools: listOf(z.looseObject({ function: named.nullish(), custom: named.nullish() })),
    }),
  }),
]);
export type ChatToolChoice = z.output<typeof choiceSchema>;

const formatSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object'), schema: jsonObject.nullish() }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ schema: jsonObject, strict: z.boolean().nullish() }),
  }),
]);

/** POST /v1/chat/completions. Fields that are not listed are ignored. */
export const chatRequest = z.looseObject({
  model: z.string().min(1).describe('required'),
  messages: listOf(messageSchema, { min: 1 }).describe(
    'required; roles `system`, `developer` (the same), `user`, `assistant`, `tool`, `function` (a tool). Content is text, or parts: text, and images as `data:` URLs; audio and files are refused',
  ),
  ...samplingFields,
  max_completion_tokens: z.int().min(1).nullish().describe('honoured, before `max_tokens`'),
  n: z.int().min(1).max(16).nullish().describe('honoured: up to 16 choices, with the seed + 0, 1, 2 …'),
  stream: z.boolean().nullish().describe('honoured'),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish() })
    .nullish()
    .describe('`include_usage` is honoured, the rest is ignored'),
  logprobs: z
    .boolean()
    .nullish()
    .describe("honoured: the model's own probabilities, before sampling; refused with a schema, tools or a `repeat_penalty`"),
  top_logprobs: z.int().min(0).max(20).nullish().describe('honoured; refused without `logprobs`'),
  response_format: formatSchema
    .nullish()
    .describe(
      'honoured: `text`, `json_object` (also with a `schema`), `json_schema`. A `strict` schema is obeyed or refused; of another, what cannot be enforced is left out',
    ),
  tools: listOf(toolSchema)
    .nullish()
    .describe('honoured: `function` and `custom`; other types are ignored. What a grammar cannot hold of a schema is left out'),
  tool_choice: choiceSchema.nullish().describe('honoured; a tool that is not in `tools` is refused'),
  parallel_tool_calls: z.boolean().nullish().describe('honoured'),
  functions: listOf(functionSchema)
    .nullish()
    .describe('honoured: the older form of `tools`; the answer then has `function_call`'),
  function_call: z
    .union([z.enum(['auto', 'none']), named])
    .nullish()
    .describe('honoured, with `functions`'),
  reasoning_effort: z.string().nullish().describe('honoured: `none` and `minimal` turn reasoning off, every other one on'),
  reasoning: z.looseObject({ effort: z.string().nullish() }).nullish().describe('`effort` is honoured, as `reasoning_effort`'),
  enable_thinking: z.boolean().nullish().describe('honoured: turns reasoning on or off'),
  chat_template_kwargs: jsonObject.nullish().describe('honoured: variables of the chat template'),
  modalities: listOf(z.string()).nullish().describe('only `text`; refused with `audio`'),
  user: ignored(),
  store: ignored(),
  metadata: ignored(),
  service_tier: ignored(),
  prompt_cache_key: ignored(),
  safety_identifier: ignored(),
  verbosity: ignored(),
  prediction: ignored(),
  web_search_options: ignored(),
  audio: ignored(),
});
export type ChatRequest = z.output<typeof chatRequest>;
