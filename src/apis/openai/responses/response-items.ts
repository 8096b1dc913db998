import type { OutputOf, ToolCall } from '../../../contract/index.ts';
import { newId } from '../../common/index.ts';
import { customInput } from '../call-arguments.ts';
import { logprobEntries } from '../chat/chat-head.ts';
import { encryptedContent } from './reasoning-item.ts';
import type { ResponseTools } from './response-tools.ts';

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';
export type OutputItem = { id: string; type: string } & Record<string, unknown>;

/** The items of an answer in one piece, in the order in which a model makes them. */
export function itemsOf(output: OutputOf<'infer'>, tools: ResponseTools): OutputItem[] {
  const { text, reasoning, tool_calls: calls = [], logprobs = [] } = output;
  const items: OutputItem[] = [];
  if (reasoning !== undefined && reasoning !== '') items.push(reasoningItem(newId('rs_'), reasoning, 'completed'));
  if (text !== '' || calls.length === 0)
    items.push(messageItem(newId('msg_'), textPart(text, logprobEntries(logprobs)), 'completed'));
  for (const call of calls) items.push(callItem(newId('fc_'), call, { tools, status: 'completed' }));
  const last = items.at(-1);
  if (output.finish_reason === 'length' && last !== undefined) last['status'] = 'incomplete';
  return items;
}

export function reasoningItem(id: string, text: string, status: ItemStatus): OutputItem {
  const content = status === 'in_progress' ? [] : [reasoningPart(text)];
  return { id, type: 'reasoning', summary: [], content, encrypted_content: encryptedContent(text), status };
}

export function reasoningPart(text: string): object {
  return { type: 'reasoning_text', text };
}

/** @param part undefined while there is no text yet */
export function messageItem(id: string, part: object | undefined, status: ItemStatus): OutputItem {
  return { id, type: 'message', role: 'assistant', status, content: part === undefined ? [] : [part] };
}

export function textPart(text: string, logprobs: object[] = []): object {
  return { type: 'output_text', text, annotations: [], logprobs };
}

/** @param call its arguments so far */
export function callItem(
  id: string,
  call: ToolCall,
  { tools, status }: { tools: ResponseTools; status: ItemStatus },
): OutputItem {
  const { isCustom, name, namespace } = tools.calledAs(call.name);
  const known = { call_id: call.id, name, ...(namespace === undefined ? {} : { namespace }) };
  if (isCustom === true)
    return { id, type: 'custom_tool_call', ...known, input: call.arguments === '' ? '' : customInput(call.arguments), status };
  return { id, type: 'function_call', ...known, arguments: call.arguments, status };
}
