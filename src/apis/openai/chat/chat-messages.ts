import type { ChatMessage, ToolCall } from '../../../contract/index.ts';
import { RequestError } from '../../common/index.ts';
import { argumentsOf, customArguments } from '../call-arguments.ts';
import { contentOf } from '../content-parts.ts';
import type { ChatMessageFields, ChatToolCall } from './chat-request.ts';

const roles = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
} as const;

/** The messages of a conversation. The ids of calls in the older form, which has none, count the calls. */
export function messagesOf(messages: readonly ChatMessageFields[]): ChatMessage[] {
  let lastCall = 0;
  return messages.map((message, index) => {
    if (message.function_call) lastCall = index;
    return messageOf(message, `messages[${index}]`, `call_${lastCall}`);
  });
}

function messageOf(message: ChatMessageFields, place: string, functionCallId: string): ChatMessage {
  const { role, tool_call_id } = message;
  const calls = role === 'assistant' ? callsOf(message, functionCallId) : [];
  const said = role === 'assistant' ? reasoningOf(message) : {};
  const hasMore = calls.length > 0 || said.reasoning !== undefined || typeof message['refusal'] === 'string';
  const content = message.content ?? (hasMore ? '' : undefined);
  if (content === undefined) throw new RequestError(`${place}.content`, 'is required');
  const id = role === 'function' ? functionCallId : role === 'tool' ? (tool_call_id ?? undefined) : undefined;
  return {
    role: roles[role],
    content: contentOf(content, `${place}.content`),
    ...(roles[role] === 'tool' && message.name ? { name: message.name } : {}),
    ...said,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(id === undefined ? {} : { tool_call_id: id }),
  };
}

function callsOf({ tool_calls, function_call }: ChatMessageFields, functionCallId: string): ToolCall[] {
  if (function_call) return [{ id: functionCallId, name: function_call.name, arguments: argumentsOf(function_call.arguments) }];
  return (tool_calls ?? []).map(callOf).filter((call) => call !== undefined);
}

function callOf({ id, function: called, custom }: ChatToolCall, index: number): ToolCall | undefined {
  const own = id ?? `call_${index}`;
  if (custom) return { id: own, name: custom.name, arguments: customArguments(custom.input ?? '') };
  return called ? { id: own, name: called.name, arguments: argumentsOf(called.arguments) } : undefined;
}

/** Servers disagree about the name of the field, and clients send back what they got. */
function reasoningOf({ reasoning_content, reasoning }: ChatMessageFields): { reasoning?: string } {
  const text = reasoning_content ?? reasoning;
  return typeof text === 'string' && text !== '' ? { reasoning: text } : {};
}
