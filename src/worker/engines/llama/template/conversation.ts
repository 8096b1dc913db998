import { textOf, type ChatMessage, type Reasoning, type Tool, type ToolCall } from '../../../../contract/index.ts';

/** What a prompt is made of. */
export interface PromptRequest {
  messages: readonly ChatMessage[];
  tools?: readonly Tool[] | undefined;
  reasoning?: Reasoning | undefined;
  /** Further variables for the template. They replace those of rbee. */
  variables?: Readonly<Record<string, unknown>> | undefined;
}

export interface TemplateCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
  /** The same as the model or the client wrote it. */
  argumentsText: string;
}

/** A message as the template's thread gets it: with its text as one string. */
export interface TemplateMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  reasoning?: string | undefined;
  calls?: TemplateCall[] | undefined;
  callId?: string | undefined;
  name?: string | undefined;
}

export interface Conversation {
  messages: TemplateMessage[];
  tools: readonly Tool[];
  reasoning: Reasoning;
  variables: Readonly<Record<string, unknown>>;
}

export function conversationOf({ messages, tools = [], reasoning = {}, variables = {} }: PromptRequest): Conversation {
  const names = new Map(
    messages.flatMap(({ tool_calls: calls = [] }) => calls.map(({ id, name }): [string, string] => [id, name])),
  );
  return {
    messages: messages.map((message) => ({
      role: message.role,
      content: textOf(message),
      ...(message.reasoning !== undefined && message.reasoning !== '' && { reasoning: message.reasoning }),
      ...(message.tool_calls && message.tool_calls.length > 0 && { calls: message.tool_calls.map(callOf) }),
      ...(message.role === 'tool' && {
        callId: message.tool_call_id,
        name: message.name ?? names.get(message.tool_call_id ?? ''),
      }),
    })),
    tools,
    reasoning,
    variables,
  };
}

/** Weak models write arguments that are no JSON object, and clients send them back: they stay in the conversation. */
function callOf({ id, name, arguments: text }: ToolCall): TemplateCall {
  return { id, name, argumentsText: text, arguments: objectIn(text) ?? { _raw: text } };
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
