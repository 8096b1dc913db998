import * as z from 'zod';
import { jsonObject, type ContentPart } from '../../contract/index.ts';
import { imageAt, listOf, RequestError } from '../common/index.ts';
import type { Block } from './body.ts';
import { textOfSignature } from './signature.ts';

/** A content block, and its place in the body, for errors. */
export interface Placed {
  block: Block;
  place: string;
}

const text = z.looseObject({ text: z.string() });
const image = z.looseObject({
  source: z.looseObject({ type: z.literal('base64'), media_type: z.string(), data: z.string() }),
});
const textSource = z.looseObject({ type: z.literal('text'), data: z.string() });
const document = z.looseObject({
  title: z.string().nullish(),
  context: z.string().nullish(),
  source: z.looseObject({ type: z.string() }),
});
const contentSource = z.looseObject({ content: z.union([z.string(), listOf(text)]) });
const thinking = z.looseObject({ thinking: z.string(), signature: z.string().nullish() });
const toolUse = z.looseObject({ id: z.string(), name: z.string(), input: jsonObject.nullish() });
const toolResult = z.looseObject({
  tool_use_id: z.string(),
  content: z.union([z.string(), listOf(z.looseObject({ type: z.string() }))]).nullish(),
  is_error: z.boolean().nullish(),
});
const toolReference = z.looseObject({ tool_name: z.string() });
const compaction = z.looseObject({ content: z.string().nullish() });
const searchResult = z.looseObject({ title: z.string(), source: z.string(), content: listOf(text) });

/** Blocks without words for the model. What changes its tools is read with them: see tools.ts. */
const WORDLESS: ReadonlySet<string> = new Set(['tool_addition', 'tool_removal', 'mcp_tool_listing', 'fallback']);

/** Blocks of tools that run at Anthropic. Here they are text in the history of a conversation. */
const OF_SERVERS = /^(?:server_tool_use|mcp_tool_use|.+_tool_result)$/;

/** @throws JobError invalid_input for a block of an unknown type, or one that cannot be read here */
export function partOf({ block, place }: Placed): ContentPart | undefined {
  switch (block.type) {
    case 'text':
      return textPart(read(text, { block, place }).text);
    case 'image':
      return imagePart({ block, place });
    case 'document':
      return textPart(documentText({ block, place }));
    case 'search_result': {
      const { title, source, content } = read(searchResult, { block, place });
      return textPart([title, source, ...content.map((each) => each.text)].join('\n'));
    }
    case 'tool_reference':
      return textPart(`[${read(toolReference, { block, place }).tool_name} is loaded]`);
    case 'compaction':
      return textPart(read(compaction, { block, place }).content ?? '');
    default:
      break;
  }
  if (WORDLESS.has(block.type)) return undefined;
  if (OF_SERVERS.test(block.type)) return textPart(serverText(block));
  throw new RequestError(`${place}.type`, `unknown type of content block '${block.type.slice(0, 64)}'`);
}

/** The reasoning of an earlier answer; a redacted one cannot be read. */
export function reasoningOf({ block, place }: Placed): string {
  if (block.type === 'redacted_thinking') return '';
  const { thinking: shown, signature } = read(thinking, { block, place });
  return shown === '' ? textOfSignature(signature ?? '') : shown;
}

export function toolUseOf(placed: Placed): { id: string; name: string; arguments: string } {
  const { id, name, input } = read(toolUse, placed);
  return { id, name, arguments: JSON.stringify(input ?? {}) };
}

export interface ToolResult {
  id: string;
  content: string | ContentPart[];
}

/** The result of a tool that the client has run. */
export function toolResultOf(placed: Placed): ToolResult {
  const { tool_use_id: id, content, is_error } = read(toolResult, placed);
  const failure = is_error === true ? 'Error: ' : '';
  if (content === undefined || content === null || typeof content === 'string')
    return { id, content: marked(content ?? '', failure) };
  const parts = partsOf(content.map((block, index) => ({ block, place: `${placed.place}.content.${index}` })));
  return { id, content: typeof parts === 'string' ? marked(parts, failure) : parts };
}

/** Text where all of it is text: most templates take no parts. */
export function partsOf(blocks: readonly Placed[]): string | ContentPart[] {
  const parts = blocks.flatMap((placed) => partOf(placed) ?? []);
  if (parts.some(({ type }) => type === 'image')) return parts;
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** The template has no field for a failure, and many a tool says it in its text. */
function marked(content: string, failure: string): string {
  return /^\W*error/i.test(content) ? content : failure + content;
}

function imagePart(placed: Placed): ContentPart {
  const source = placed.block['source'] as { type?: unknown } | undefined;
  if (source?.type === 'url' || source?.type === 'file')
    throw new RequestError(`${placed.place}.source`, 'images are taken as base64 only: nothing is fetched for a request');
  const { media_type, data } = read(image, placed).source;
  return imageAt(placed.place, { media_type, data });
}

function documentText(placed: Placed): string {
  const { title, context, source } = read(document, placed);
  const head = [title, context].filter((each) => typeof each === 'string' && each !== '');
  if (source.type === 'text')
    return [...head, read(textSource, { block: source, place: `${placed.place}.source` }).data].join('\n');
  if (source.type === 'content') {
    const { content } = read(contentSource, { block: source, place: `${placed.place}.source` });
    return [...head, typeof content === 'string' ? content : content.map((each) => each.text).join('')].join('\n');
  }
  throw new RequestError(`${placed.place}.source`, 'documents are taken as text only, not as PDF, file or URL');
}

function serverText({ type, name, input, content }: Block): string {
  const words = type.endsWith('_use')
    ? [`[${typeof name === 'string' ? name : type}]`, JSON.stringify(input ?? {})]
    : [`[${type}]`, said(content)];
  return words.join(' ');
}

function said(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content ?? '');
}

function textPart(words: string): ContentPart {
  return { type: 'text', text: words };
}

function read<Schema extends z.ZodType>(schema: Schema, { block, place }: Placed): z.output<Schema> {
  const parsed = schema.safeParse(block);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RequestError([place, ...(issue?.path ?? [])].join('.'), issue?.message ?? 'cannot be read');
}
