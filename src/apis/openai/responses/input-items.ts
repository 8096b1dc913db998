import * as z from 'zod';
import type { ChatMessage, ToolCall } from '../../../contract/index.ts';
import { listOf, RequestError } from '../../common/index.ts';
import { argumentsOf, customArguments } from '../call-arguments.ts';
import { contentOf } from '../content-parts.ts';
import { readReasoning } from './reasoning-item.ts';
import { flatName } from './response-tools.ts';
import type { Item } from './responses-request.ts';

const roles = new Map<unknown, ChatMessage['role']>([
  ['user', 'user'],
  ['assistant', 'assistant'],
  ['system', 'system'],
  ['developer', 'system'],
]);

const partsSchema = z.union([z.string(), listOf(z.looseObject({ type: z.string() }))]).nullish();

/**
 * The items of a conversation as its messages. Reasoning, text and calls of the model that follow each other are one assistant message.
 * @throws RequestError
 */
export function messagesOfItems(items: readonly Item[]): ChatMessage[] {
  const conversation = new Conversation();
  for (const [index, item] of items.entries()) conversation.add(item, `input[${index}]`);
  return conversation.end();
}

interface Turn {
  content: ChatMessage['content'];
  calls: ToolCall[];
  reasoning: string;
}

class Conversation {
  readonly #messages: ChatMessage[] = [];
  readonly #nameOf = new Map<string, string>();
  /** The assistant message that the last items belong to. */
  #turn: Turn | undefined;

  add(item: Item, place: string): void {
    const type = item.type ?? (item.role === undefined ? '' : 'message');
    if (type === 'message') return this.#message(item, place);
    if (type === 'reasoning') {
      this.#open().reasoning += readReasoning(item);
      return;
    }
    if (type === 'item_reference') throw new RequestError(place, 'an item_reference: nothing is kept here; send the item itself');
    if (type.endsWith('_call_output')) return this.#output(item, type, place);
    if (type.endsWith('_call')) this.#call(item, type);
  }

  end(): ChatMessage[] {
    this.#close();
    return this.#messages;
  }

  #message(item: Item, place: string): void {
    const role = roles.get(item.role);
    if (role === undefined) throw new RequestError(`${place}.role`, 'must be user, assistant, system or developer');
    const content = contentAt(item['content'], `${place}.content`);
    if (role !== 'assistant') return this.#push({ role, content });
    if (this.#turn !== undefined && this.#turn.content !== '' && this.#turn.calls.length === 0) this.#close();
    const turn = this.#open();
    turn.content = typeof turn.content === 'string' && typeof content === 'string' ? turn.content + content : content;
  }

  #call(item: Item, type: string): void {
    const id = textOf(item['call_id']) ?? textOf(item['id']);
    const call = id === undefined ? undefined : callOf(item, type, id);
    if (call === undefined) {
      // Of a tool that is not served here: what it did is a part of the conversation all the same.
      const { id: _id, status: _status, ...shown } = item;
      return this.#push({ role: 'assistant', content: JSON.stringify(shown) });
    }
    this.#nameOf.set(call.id, call.name);
    this.#open().calls.push(call);
  }

  #output(item: Item, type: string, place: string): void {
    const id = textOf(item['call_id']) ?? textOf(item['id']);
    const output = item['output'];
    const content =
      typeof output === 'object' && output !== null && !Array.isArray(output)
        ? JSON.stringify(output)
        : contentAt(output, `${place}.output`);
    const name = id === undefined ? undefined : this.#nameOf.get(id);
    if (id !== undefined && (name !== undefined || type === 'function_call_output')) {
      return this.#push({ role: 'tool', content, tool_call_id: id, ...(name === undefined ? {} : { name }) });
    }
    this.#push({ role: 'user', content });
  }

  #open(): Turn {
    return (this.#turn ??= { content: '', calls: [], reasoning: '' });
  }

  #push(message: ChatMessage): void {
    this.#close();
    this.#messages.push(message);
  }

  #close(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (turn === undefined || (turn.content === '' && turn.calls.length === 0)) return;
    this.#messages.push({
      role: 'assistant',
      content: turn.content,
      ...(turn.reasoning === '' ? {} : { reasoning: turn.reasoning }),
      ...(turn.calls.length === 0 ? {} : { tool_calls: turn.calls }),
    });
  }
}

function callOf(item: Item, type: string, id: string): ToolCall | undefined {
  const name = textOf(item['name']);
  if (type === 'local_shell_call') return { id, name: 'local_shell', arguments: argumentsOf(item['action']) };
  if (name === undefined) return undefined;
  if (type === 'custom_tool_call') return { id, name, arguments: customArguments(textOf(item['input']) ?? '') };
  if (type !== 'function_call') return undefined;
  return { id, name: flatName(name, textOf(item['namespace'])), arguments: argumentsOf(item['arguments']) };
}

function contentAt(content: unknown, place: string): ChatMessage['content'] {
  const parsed = partsSchema.safeParse(content);
  if (!parsed.success) throw new RequestError(place, 'must be a string or a list of parts');
  return contentOf(parsed.data ?? '', place);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
