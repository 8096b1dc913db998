import { createHash } from 'node:crypto';
import type { Tool } from '../../../../contract/index.ts';
import type { CallForm } from '../calls/call-form.ts';
import type { TemplateCapabilities } from './capabilities.ts';
import type { Conversation, TemplateCall, TemplateMessage } from './conversation.ts';

const BETWEEN = '\n\n';
const SHORT_ID = /^[a-zA-Z0-9]{9}$/;

type Fold = (messages: TemplateMessage[]) => TemplateMessage[];

/**
 * A conversation in the parts that a template takes: nothing is refused and nothing is left out. What has no place of its own goes
 * into the text of another message, as near as can be to where it was: a later system message stays behind what came before it, so
 * that the beginning of the prompt stays the same from turn to turn.
 */
export function folded(conversation: Conversation, capabilities: TemplateCapabilities): Conversation {
  const { tools } = conversation;
  const takes = capabilities;
  // Where a model's own form of calls is not known, calls and results are written in rbee's words, as the tools are.
  const hasCalls = takes.calls !== false && takes.callForm !== undefined;
  const folds: (Fold | false)[] = [
    withoutEmptyAnswers,
    leadingSystems,
    tools.length > 0 && takes.tools === false && ((messages) => withSystem(messages, instructionOf(tools, takes.callForm))),
    tools.length > 0 && takes.tools === 'with system' && ((messages) => withSystem(messages, '')),
    !takes.laterSystem && laterSystems,
    !hasCalls && callsAsText,
    hasCalls && takes.callsAlone && callsApart,
    hasCalls && !takes.severalCalls && oneCallEach,
    (!takes.toolRole || !hasCalls) && resultsAsUser,
    !takes.system && systemAsUser,
    !takes.assistantFirst && userFirst,
    !takes.adjacentUsers && ((messages) => joined(messages, 'user')),
    !takes.adjacentAssistants && ((messages) => joined(messages, 'assistant')),
    takes.toolRole && !takes.userAfterTool && answeredResults,
    takes.shortCallIds && shortIds,
  ];
  const messages = folds.reduce<TemplateMessage[]>((list, fold) => (fold === false ? list : fold(list)), conversation.messages);
  return { ...conversation, messages, tools: takes.tools === false ? [] : tools };
}

function text(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(BETWEEN);
}

/** An empty answer says nothing, and some templates refuse it. The last is the beginning of one. */
function withoutEmptyAnswers(messages: TemplateMessage[]): TemplateMessage[] {
  const isEmpty = ({ role, content, calls, reasoning }: TemplateMessage) =>
    role === 'assistant' && content === '' && !calls && reasoning === undefined;
  return messages.filter((message, index) => index === messages.length - 1 || !isEmpty(message));
}

/** The system messages at the start are one. */
function leadingSystems(messages: TemplateMessage[]): TemplateMessage[] {
  const end = messages.findIndex(({ role }) => role !== 'system');
  const leading = end < 0 ? messages : messages.slice(0, end);
  if (leading.length < 2) return messages;
  return [{ role: 'system', content: text(...leading.map(({ content }) => content)) }, ...messages.slice(leading.length)];
}

function withSystem(messages: TemplateMessage[], more: string): TemplateMessage[] {
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: more }, ...messages];
  return [{ ...first, content: text(first.content, more) }, ...rest];
}

/** Later system messages go into the user message that follows them; without one they are one. */
function laterSystems(messages: TemplateMessage[]): TemplateMessage[] {
  return intoUsers(messages, (index) => index > 0);
}

function systemAsUser(messages: TemplateMessage[]): TemplateMessage[] {
  return intoUsers(messages, () => true);
}

function intoUsers(messages: TemplateMessage[], isFolded: (index: number) => boolean): TemplateMessage[] {
  const made: TemplateMessage[] = [];
  let held: string[] = [];
  const release = () => {
    if (held.length > 0) made.push({ role: 'user', content: text(...held) });
    held = [];
  };
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system' && isFolded(index)) held.push(message.content);
    else if (message.role === 'user') {
      made.push({ ...message, content: text(...held, message.content) });
      held = [];
    } else {
      // An answer comes next: what is held belongs before it.
      release();
      made.push(message);
    }
  }
  release();
  return made;
}

/** The form of calls for models whose template has none. */
export function callText({ name, arguments: values }: Pick<TemplateCall, 'name' | 'arguments'>): string {
  return JSON.stringify({ name, arguments: values });
}

/** Some templates have a form for calls, and say nothing of tools. */
function instructionOf(tools: readonly Tool[], form: CallForm | undefined): string {
  const list = tools.map(({ name, description, parameters }) => JSON.stringify({ name, description, parameters }));
  const call =
    form && !form.parameters
      ? `${form.before}<name>${form.infix}<arguments as JSON>${form.after}`
      : '{"name": <name>, "arguments": <object>}';
  return `You may call these tools. To call one, answer with nothing but ${call}.\n${list.join('\n')}`;
}

function callsAsText(messages: TemplateMessage[]): TemplateMessage[] {
  return messages.map(({ calls = [], ...message }) => ({ ...message, content: text(message.content, ...calls.map(callText)) }));
}

function callsApart(messages: TemplateMessage[]): TemplateMessage[] {
  return messages.flatMap(({ calls, ...message }): TemplateMessage[] =>
    calls && message.content !== ''
      ? [message, { role: 'assistant', content: '', calls }]
      : [{ ...message, ...(calls && { calls }) }],
  );
}

/** Each call is an answer of its own, before its result. */
function oneCallEach(messages: TemplateMessage[]): TemplateMessage[] {
  const made: TemplateMessage[] = [];
  let waiting: TemplateMessage[] = [];
  for (const message of messages) {
    if (message.role === 'tool') {
      const index = waiting.findIndex(({ calls }) => calls?.[0]?.id === message.callId);
      made.push(...waiting.splice(Math.max(0, index), 1), message);
      continue;
    }
    made.push(...waiting);
    waiting = [];
    if ((message.calls?.length ?? 0) < 2) made.push(message);
    else
      waiting = (message.calls ?? []).map((call, index) => ({
        ...(index === 0 ? message : { role: 'assistant', content: '' }),
        calls: [call],
      }));
  }
  return [...made, ...waiting];
}

function resultsAsUser(messages: TemplateMessage[]): TemplateMessage[] {
  return messages.map((message) => {
    if (message.role !== 'tool') return message;
    return { role: 'user', content: `Result of ${message.name ?? 'the tool'}:\n${message.content}` };
  });
}

function userFirst(messages: TemplateMessage[]): TemplateMessage[] {
  const index = messages.findIndex(({ role }) => role !== 'system');
  if (messages[index]?.role !== 'assistant') return messages;
  return [...messages.slice(0, index), { role: 'user', content: '' }, ...messages.slice(index)];
}

function joined(messages: TemplateMessage[], role: 'user' | 'assistant'): TemplateMessage[] {
  const made: TemplateMessage[] = [];
  for (const message of messages) {
    const last = made.at(-1);
    if (last?.role === role && message.role === role) made[made.length - 1] = one(last, message);
    else made.push(message);
  }
  return made;
}

function one(first: TemplateMessage, second: TemplateMessage): TemplateMessage {
  const calls = [...(first.calls ?? []), ...(second.calls ?? [])];
  const reasoning = text(first.reasoning ?? '', second.reasoning ?? '');
  return {
    role: first.role,
    content: text(first.content, second.content),
    ...(reasoning !== '' && { reasoning }),
    ...(calls.length > 0 && { calls }),
  };
}

function answeredResults(messages: TemplateMessage[]): TemplateMessage[] {
  return messages.flatMap((message, index): TemplateMessage[] =>
    message.role === 'user' && messages[index - 1]?.role === 'tool'
      ? [{ role: 'assistant', content: 'OK.' }, message]
      : [message],
  );
}

function shortIds(messages: TemplateMessage[]): TemplateMessage[] {
  return messages.map((message) => ({
    ...message,
    ...(message.calls && { calls: message.calls.map((call) => ({ ...call, id: shortId(call.id) })) }),
    ...(message.callId !== undefined && { callId: shortId(message.callId) }),
  }));
}

function shortId(id: string): string {
  return SHORT_ID.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 9);
}
