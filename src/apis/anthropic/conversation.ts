import type { ChatMessage } from '../../contract/index.ts';
import { partsOf, reasoningOf, toolResultOf, toolUseOf, type Placed } from './blocks.ts';
import type { Block, Message, PromptBody } from './body.ts';

/** Claude Code puts a line of this name first, which is another one in every request: kept, no request would find its prompt in the KV cache. */
const BILLING = /^x-anthropic-billing-header:[^\n]*\n?/;

/** The messages of a body, as a conversation of the contract. @throws JobError invalid_input */
export function conversationOf({ system, messages }: Pick<PromptBody, 'system' | 'messages'>): ChatMessage[] {
  const names = toolNames(messages);
  const turns = messages.flatMap((message, index) => turnsOf(message, { place: `messages.${index}`, names }));
  const instructions = systemText(system);
  return withoutTrailingSpace(instructions === '' ? turns : [{ role: 'system', content: instructions }, ...turns]);
}

function systemText(system: PromptBody['system']): string {
  if (system === undefined || system === null) return '';
  if (typeof system === 'string') return system.replace(BILLING, '');
  const texts = system.map((block, index) => partsOf([{ block, place: `system.${index}` }]));
  return texts.filter((text): text is string => typeof text === 'string' && text !== '' && !BILLING.test(text)).join('\n\n');
}

interface Where {
  place: string;
  names: ReadonlyMap<string, string>;
}

function turnsOf({ role, content }: Message, { place, names }: Where): ChatMessage[] {
  if (content === undefined || content === null) return role === 'system' ? [] : [{ role, content: '' }];
  if (role === 'system') {
    const text = systemText(content);
    return text === '' ? [] : [{ role, content: text }];
  }
  if (typeof content === 'string') return [{ role, content }];
  const blocks = content.map((block, index): Placed => ({ block, place: `${place}.content.${index}` }));
  return role === 'user' ? userTurns(blocks, names) : [assistantTurn(blocks)];
}

/** Results come first, each as a turn of its own: a template expects them right after the calls. */
function userTurns(blocks: readonly Placed[], names: ReadonlyMap<string, string>): ChatMessage[] {
  const results = blocks.filter(({ block }) => isResult(block)).map(toolResultOf);
  const rest = blocks.filter(({ block }) => !isResult(block));
  const turns = results.map(({ id, content }): ChatMessage => {
    const name = names.get(id);
    return { role: 'tool', content, tool_call_id: id, ...(name === undefined ? {} : { name }) };
  });
  return rest.length === 0 && turns.length > 0 ? turns : [...turns, { role: 'user', content: partsOf(rest) }];
}

function assistantTurn(blocks: readonly Placed[]): ChatMessage {
  const isThought = ({ block: { type } }: Placed) => type === 'thinking' || type === 'redacted_thinking';
  const isCall = ({ block: { type } }: Placed) => type === 'tool_use';
  const reasoning = blocks.filter(isThought).map(reasoningOf).join('');
  const calls = blocks.filter(isCall).map(toolUseOf);
  return {
    role: 'assistant',
    content: partsOf(blocks.filter((each) => !isThought(each) && !isCall(each))),
    ...(reasoning === '' ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function isResult({ type }: Block): boolean {
  return type === 'tool_result';
}

/** A result names its call by id alone; some templates want the name of the tool. */
function toolNames(messages: readonly Message[]): Map<string, string> {
  const blocks = messages.flatMap(({ content }) => (Array.isArray(content) ? content : []));
  return new Map(
    blocks.flatMap(({ type, id, name }): [string, string][] =>
      type === 'tool_use' && typeof id === 'string' && typeof name === 'string' ? [[id, name]] : [],
    ),
  );
}

/** A model continues an answer that ends with a space badly. */
function withoutTrailingSpace(turns: ChatMessage[]): ChatMessage[] {
  const last = turns.at(-1);
  if (last?.role !== 'assistant' || typeof last.content !== 'string') return turns;
  return [...turns.slice(0, -1), { ...last, content: last.content.trimEnd() }];
}
