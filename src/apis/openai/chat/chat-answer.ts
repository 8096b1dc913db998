import type { OutputOf, ToolCall } from '../../../contract/index.ts';
import type { WholeAnswer } from '../../common/index.ts';
import { customInput } from '../call-arguments.ts';
import { logprobEntries, reasoningFields, timingsOf, usageOf, type ChatHead } from './chat-head.ts';
import type { ToolForms } from './chat-tools.ts';

/** The answer in one piece. */
export function chatAnswer(head: ChatHead, forms: ToolForms): WholeAnswer<'infer'> {
  return (outputs) => ({
    object: 'chat.completion',
    ...head,
    choices: outputs.map((output, index) => ({
      index,
      message: messageOf(output, forms),
      logprobs: output.logprobs === undefined ? null : { content: logprobEntries(output.logprobs), refusal: null },
      finish_reason: finishReason(output, forms),
    })),
    usage: usageOf(outputs),
    ...(outputs[0] === undefined ? {} : { timings: timingsOf(outputs[0]) }),
  });
}

/** In the older form of tools, it has a name of its own. */
export function finishReason({ finish_reason }: OutputOf<'infer'>, { isOlder }: ToolForms): string {
  return finish_reason === 'tool_calls' && isOlder ? 'function_call' : finish_reason;
}

function messageOf({ text, reasoning, tool_calls: calls = [] }: OutputOf<'infer'>, forms: ToolForms) {
  return {
    role: 'assistant',
    content: calls.length > 0 && text === '' ? null : text,
    refusal: null,
    ...(reasoning === undefined || reasoning === '' ? {} : reasoningFields(reasoning)),
    ...callFields(calls, forms),
  };
}

function callFields(calls: readonly ToolCall[], forms: ToolForms) {
  const [first] = calls;
  if (first === undefined) return {};
  if (forms.isOlder) return { function_call: { name: first.name, arguments: first.arguments } };
  return { tool_calls: calls.map((call) => callOf(call, forms)) };
}

function callOf({ id, name, arguments: text }: ToolCall, { custom }: ToolForms) {
  if (custom.has(name)) return { id, type: 'custom', custom: { name, input: customInput(text) } };
  return { id, type: 'function', function: { name, arguments: text } };
}
