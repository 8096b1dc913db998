import * as z from 'zod';
import { listOf } from '../common/list-of.ts';
import { jsonObject } from '../../contract/index.ts';

/*
 * What is read of a body, by the names of Anthropic's API. Everything else is accepted and ignored, at every depth: clients send fields that are
 * newer than this file, and null for what they leave out.
 */

const block = z.looseObject({ type: z.string() });
/** A part of a message. Which fields it has follows from its type: see blocks.ts. */
export type Block = z.output<typeof block>;

const content = z.union([z.string(), listOf(block)], 'must be text, or a list of content blocks');

const message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  // A system message may only set options, and then has no content.
  content: content.nullish(),
});
export type Message = z.output<typeof message>;

export const tool = z.looseObject({
  type: z.string().nullish(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  input_schema: jsonObject.nullish(),
});
export type ToolOfBody = z.output<typeof tool>;

const toolChoice = z.looseObject({
  type: z.enum(['auto', 'any', 'tool', 'none']),
  name: z.string().nullish(),
  disable_parallel_tool_use: z.boolean().nullish(),
});

const thinking = z.looseObject({
  // enabled, adaptive, between_tools, or disabled.
  type: z.string(),
  budget_tokens: z.number().nullish(),
  display: z.string().nullish(),
});

const format = z.looseObject({ type: z.string(), schema: jsonObject.nullish() });

/** What the tokens of a prompt depend on: the body of /v1/messages/count_tokens. */
export const promptBody = z.looseObject({
  model: z.string().min(1),
  messages: listOf(message, { min: 1 }),
  system: content.nullish(),
  tools: listOf(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish(),
  output_config: z.looseObject({ format: format.nullish(), effort: z.string().nullish() }).nullish(),
  output_format: format.nullish(),
  thread: z.unknown().optional(),
});
export type PromptBody = z.output<typeof promptBody>;

export const messagesBody = promptBody.extend({
  max_tokens: z.int().min(1),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  stop_sequences: listOf(z.string()).nullish(),
  stream: z.boolean().nullish(),
});
export type MessagesBody = z.output<typeof messagesBody>;
