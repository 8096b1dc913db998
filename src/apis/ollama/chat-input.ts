import type { ChatMessage, Tool, ToolCall, ToolChoice } from '../../contract/index.ts';
import { given, RequestError } from '../common/index.ts';
import { answerInputOf, contentOf, type InferInput } from './answer-input.ts';
import type { ChatBody, Message, ToolOfBody } from './body.ts';

/** The request of a job for a body of /api/chat that has messages. @throws JobError invalid_input */
export function chatInputOf(body: ChatBody): InferInput {
  const tools = toolsOf(body.tools ?? []);
  const choice = choiceOf(body.tool_choice, tools);
  return {
    ...answerInputOf(body),
    messages: conversationOf(body.messages ?? []),
    ...(tools.length === 0 ? {} : { tools, ...given({ tool_choice: choice }) }),
  };
}

/** Whether the client knows calls by their ids: some parse a call strictly, and get an id only where they have sent one. */
export function knowsIds({ messages }: Pick<ChatBody, 'messages'>): boolean {
  const isId = (id: unknown) => typeof id === 'string' && id !== '';
  return (messages ?? []).some(
    ({ tool_calls, tool_call_id }) => isId(tool_call_id) || tool_calls?.some(({ id }) => isId(id)) === true,
  );
}

/** Results may name neither a call nor a tool: then they answer the open calls in order. */
function conversationOf(messages: readonly Message[]): ChatMessage[] {
  const open: ToolCall[] = [];
  return messages.map((message, index): ChatMessage => {
    const { content, images, thinking, tool_calls } = message;
    const role = message.role === 'developer' ? 'system' : message.role;
    const shown = contentOf(content ?? '', images, `messages[${index}].images`);
    if (role === 'tool') return { role, content: shown, ...answered(message, open) };
    const calls = role === 'assistant' ? callsOf(tool_calls ?? [], index) : [];
    open.push(...calls);
    const reasoning = role === 'assistant' && thinking !== '' ? thinking : undefined;
    return {
      role,
      content: shown,
      ...given({ reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
  });
}

function callsOf(calls: NonNullable<Message['tool_calls']>, message: number): ToolCall[] {
  return calls.map(({ id, function: { name, arguments: input } }, index) => ({
    id: id ?? `call_${message}_${index}`,
    name,
    arguments: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
  }));
}

/** The call that a result answers, which is no longer open then. */
function answered({ tool_call_id, tool_name }: Message, open: ToolCall[]): Pick<ChatMessage, 'tool_call_id' | 'name'> {
  const byId = open.findIndex(({ id }) => id === tool_call_id);
  const byName = open.findIndex(({ name }) => name === tool_name);
  const isNamed = typeof tool_call_id === 'string' || (typeof tool_name === 'string' && tool_name !== '');
  const index = byId >= 0 ? byId : byName >= 0 ? byName : isNamed ? -1 : 0;
  const [call] = index < 0 ? [] : open.splice(index, 1);
  return given({ tool_call_id: tool_call_id ?? call?.id, name: tool_name ?? call?.name });
}

/** Only functions can be called: other types are ignored. */
function toolsOf(tools: readonly ToolOfBody[]): Tool[] {
  return tools.flatMap(({ function: described }): Tool[] => {
    if (described === undefined || described === null) return [];
    const { name, description, parameters } = described;
    return [{ name, ...given({ description, parameters }) }];
  });
}

function choiceOf(choice: ChatBody['tool_choice'], tools: readonly Tool[]): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'required' && tools.length === 0) throw new RequestError('tool_choice', "'required' needs tools");
  if (typeof choice === 'string') return choice;
  const { name } = choice.function;
  if (!tools.some((tool) => tool.name === name))
    throw new RequestError('tool_choice.function.name', `no tool has the name '${name}'`);
  return { names: [name], required: true };
}
