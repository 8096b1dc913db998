import * as z from 'zod';
import { jsonObject } from '../json-object.ts';

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const imagePart = z.strictObject({
  type: z.literal('image'),
  media_type: z.string().max(128).describe('For example image/png'),
  data: z.base64().describe('The bytes of the image'),
});
const contentPart = z.discriminatedUnion('type', [textPart, imagePart]);
export type ContentPart = z.output<typeof contentPart>;

const toolCall = z.strictObject({
  id: z.string().max(256).describe('Joins the call and its result'),
  name: z.string().max(256),
  arguments: z.string().describe('A JSON object, as text'),
});
/** A call that a model has made. */
export type ToolCall = z.output<typeof toolCall>;

export const chatMessage = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z
    .union([z.string(), z.array(contentPart).max(10_000)])
    .describe("Text, or parts; '' for an answer that only calls tools"),
  name: z.string().max(256).optional().describe('Of a tool message: the tool that was called'),
  reasoning: z.string().optional().describe('Of an assistant message: its reasoning, for templates that keep it'),
  tool_calls: z.array(toolCall).max(1_000).optional().describe('Of an assistant message: the tools that it called'),
  tool_call_id: z.string().max(256).optional().describe('Of a tool message: the call that it answers'),
});
export type ChatMessage = z.output<typeof chatMessage>;

/** The text of a message, without its images. Parts are joined with nothing between. */
export function textOf({ content }: Pick<ChatMessage, 'content'>): string {
  if (typeof content === 'string') return content;
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

export const tool = z.strictObject({
  name: z.string().min(1).max(256),
  description: z.string().optional(),
  parameters: jsonObject.optional().describe('JSON Schema of its arguments, an object; no arguments when omitted'),
});
/** A tool that the model may call. The client runs it, and sends the result with the next request. */
export type Tool = z.output<typeof tool>;

export const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.strictObject({
    names: z.array(z.string().min(1).max(256)).min(1).max(1_000),
    required: z.boolean().default(true),
  }),
]);
export type ToolChoice = z.output<typeof toolChoice>;

export const reasoning = z.strictObject({
  on: z.boolean().optional().describe("The template's own default when omitted"),
  effort: z.enum(['low', 'medium', 'high']).optional().describe('For templates that have levels'),
  budget: z.int().min(0).max(1_000_000).optional().describe('Reasoning ends after this many tokens'),
});
export type Reasoning = z.output<typeof reasoning>;

/** One token of an answer, with the model's own probabilities: before temperature, sampling limits and grammar. */
export const tokenLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int()),
  top: z.array(z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) })),
});
export type TokenLogprob = z.output<typeof tokenLogprob>;

export const calledTool = toolCall;
