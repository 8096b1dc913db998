import * as z from 'zod';
import type { Tool } from '../../contract/index.ts';
import { given, RequestError } from '../common/index.ts';
import { tool, type Message, type PromptBody, type ToolOfBody } from './body.ts';

const change = z.looseObject({
  type: z.enum(['tool_addition', 'tool_removal']),
  // Other types name tools of MCP servers, which Anthropic would call.
  tool: z.looseObject({
    type: z.enum(['tool_reference', 'tool_definition']),
    name: z.string().nullish(),
    definition: tool.nullish(),
  }),
});

/**
 * The tools that the model may call now: those of the body, and what blocks in its messages have added and withdrawn since. One that is
 * deferred is among them, as nothing here would search for it.
 * @throws JobError invalid_input
 */
export function toolsOf({ tools, messages }: Pick<PromptBody, 'tools' | 'messages'>): Tool[] {
  const declared = new Map<string, Tool>();
  const offered = new Map<string, Tool>();
  const offer = (all: readonly Tool[]) => {
    for (const each of all) for (const named of [declared, offered]) named.set(each.name, each);
  };
  offer((tools ?? []).flatMap((each, index) => ownTool(each, `tools.${index}`)));
  for (const { type, place, name, definition } of messages.flatMap(changesOf)) {
    if (definition !== undefined) offer(ownTool(definition, place));
    else if (type === 'tool_removal') offered.delete(name);
    else offer([declared.get(name) ?? []].flat());
  }
  return [...offered.values()];
}

/** None for a tool that runs at Anthropic, which has a type of its own. */
function ownTool({ type, name, description, input_schema }: ToolOfBody, place: string): Tool[] {
  if (type !== undefined && type !== null && type !== 'custom') return [];
  if (name === undefined || name === null || name === '') throw new RequestError(`${place}.name`, 'is missing');
  return [{ name, ...given({ description, parameters: input_schema }) }];
}

function changesOf({ content }: Message, at: number) {
  if (!Array.isArray(content)) return [];
  return content.flatMap((block, index) => {
    const { data } = change.safeParse(block);
    if (data === undefined) return [];
    const { name, definition } = data.tool;
    const place = `messages.${at}.content.${index}.tool.definition`;
    return [{ type: data.type, place, name: name ?? '', definition: definition ?? undefined }];
  });
}
