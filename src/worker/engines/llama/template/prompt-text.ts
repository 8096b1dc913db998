import type { Template } from '../jinja/template.ts';
import { PLAIN, type TemplateCapabilities } from './capabilities.ts';
import type { Conversation, TemplateMessage } from './conversation.ts';
import { folded } from './folding.ts';
import { isOpen } from './reasoning-tags.ts';

/** Stands where an assistant's message is to be continued. */
const CONTINUE = 'rbee-continues-here';

export interface PromptWriter {
  template: Template;
  /** What every prompt of the model has: its `bos_token` and `eos_token`. */
  constants: Readonly<Record<string, string>>;
  capabilities: TemplateCapabilities;
  longest: number;
}

export interface PromptText {
  text: string;
  /** True when the answer begins in the middle of reasoning. */
  isReasoning: boolean;
}

/**
 * The prompt of a conversation. A conversation that ends with an assistant's message ends in the middle of it.
 *
 * @throws TemplateError the template's own, when it refuses the conversation however it is folded
 */
export function renderPrompt(conversation: Conversation, writer: PromptWriter): PromptText {
  const attempts = [
    () => written(folded(conversation, writer.capabilities), writer),
    // A template may refuse what it takes in other places: gpt-oss has one text before a call, which is its reasoning.
    () => written(folded(withOneText(conversation), writer.capabilities), writer),
    () => written(folded(withoutReasoning(conversation), writer.capabilities), writer),
    () => written(folded(withoutReasoning(conversation), { ...PLAIN, content: writer.capabilities.content }), writer),
  ];
  let refusal: unknown;
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal;
}

function withOneText(conversation: Conversation): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) => {
      const { reasoning, content, calls } = message;
      if (!calls || reasoning === undefined || content === '') return message;
      return { ...message, content: '', reasoning: `${reasoning}\n\n${content}` };
    }),
  };
}

function withoutReasoning(conversation: Conversation): Conversation {
  return { ...conversation, messages: conversation.messages.map((message) => ({ ...message, reasoning: undefined })) };
}

function written(conversation: Conversation, writer: PromptWriter): PromptText {
  const last = conversation.messages.at(-1);
  if (last?.role !== 'assistant' || last.calls) return asked(conversation, writer);
  const before = { ...conversation, messages: conversation.messages.slice(0, -1) };
  return (last.content === '' ? undefined : continued(conversation, writer)) ?? begun(before, last, writer);
}

/** Up to where the assistant's answer begins. */
function asked(conversation: Conversation, writer: PromptWriter): PromptText {
  const text = rendered(conversation, writer, true);
  const { capabilities } = writer;
  const tags = capabilities.reasoningTags;
  const isReasoning = tags !== undefined && text.trimEnd().endsWith(tags.open.trim());
  const isSwitched = capabilities.reasoningSwitch !== undefined || capabilities.reasoningEffort;
  if (conversation.reasoning.on !== false || isSwitched || !tags) return { text, isReasoning };
  // Without a switch, reasoning that has ended already is what keeps a model from it.
  return { text: `${text}${isReasoning ? '' : `${tags.open}\n`}\n${tags.close}\n\n`, isReasoning: false };
}

/** The template's own text around the last message, up to its end: what is before it may depend on what it is. */
function continued(conversation: Conversation, writer: PromptWriter): PromptText | undefined {
  const { messages } = conversation;
  const marked = messages.map((message, index) =>
    index === messages.length - 1 ? { ...message, content: message.content + CONTINUE } : message,
  );
  try {
    const text = rendered({ ...conversation, messages: marked }, writer, false);
    const end = text.lastIndexOf(CONTINUE);
    return end < 0
      ? undefined
      : { text: text.slice(0, end), isReasoning: isOpen(messages.at(-1)?.content ?? '', writer.capabilities.reasoningTags) };
  } catch {
    return undefined;
  }
}

/** The answer's beginning after the prompt for one: also in the middle of its reasoning. */
function begun(before: Conversation, { content, reasoning }: TemplateMessage, writer: PromptWriter): PromptText {
  // An answer that has reasoning was asked for with it.
  const start = asked(reasoning === undefined ? before : { ...before, reasoning: { ...before.reasoning, on: true } }, writer);
  const { reasoningTags: tags } = writer.capabilities;
  if (tags === undefined || (reasoning === undefined && !start.isReasoning)) {
    return { text: start.text + content, isReasoning: isOpen(content, tags) };
  }
  const opened = start.isReasoning ? start.text : reasoning === undefined ? start.text : `${start.text}${tags.open}\n`;
  if (content === '') return { text: opened + (reasoning ?? ''), isReasoning: true };
  return { text: `${opened}${reasoning ?? ''}\n${tags.close}\n\n${content}`, isReasoning: isOpen(content, tags) };
}

function rendered(conversation: Conversation, writer: PromptWriter, isAsked: boolean): string {
  const { template, constants, capabilities, longest } = writer;
  return template.render(
    { ...constants, ...variablesOf(conversation, capabilities), add_generation_prompt: isAsked, ...conversation.variables },
    longest,
  );
}

/** The variables of a template, shaped as the OpenAI API has them: what templates are written for. */
export function variablesOf(
  { messages, tools, reasoning }: Conversation,
  capabilities: TemplateCapabilities,
): Record<string, unknown> {
  const { reasoningSwitch, reasoningEffort } = capabilities;
  const effort = reasoning.effort ?? (reasoning.on === false && !reasoningSwitch ? 'low' : undefined);
  return {
    messages: messages.map((message) => shaped(message, capabilities)),
    ...(tools.length > 0 && {
      tools: tools.map((tool) => ({ type: 'function', function: { parameters: { type: 'object', properties: {} }, ...tool } })),
    }),
    ...(reasoning.on !== undefined && {
      enable_thinking: reasoning.on,
      ...(reasoningSwitch && { [reasoningSwitch.variable]: reasoning.on }),
    }),
    ...(reasoningEffort && effort !== undefined && { reasoning_effort: effort }),
    ...(reasoning.budget !== undefined && { thinking_budget: reasoning.budget }),
  };
}

function shaped(
  message: TemplateMessage,
  { content, calls, callsAlone, reasoningMember }: TemplateCapabilities,
): Record<string, unknown> {
  return {
    role: message.role,
    content:
      message.calls && callsAlone ? null : content === 'text' ? message.content : [{ type: 'text', text: message.content }],
    ...(message.reasoning !== undefined && { [reasoningMember ?? 'reasoning_content']: message.reasoning }),
    ...(message.calls && {
      tool_calls: message.calls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: calls === 'text' ? call.argumentsText : call.arguments },
      })),
    }),
    ...(message.callId !== undefined && { tool_call_id: message.callId }),
    ...(message.name !== undefined && { name: message.name }),
  };
}
