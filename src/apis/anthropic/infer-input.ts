import type { Reasoning, Tool, ToolChoice } from '../../contract/index.ts';
import { given, MOST_CANDIDATES, MOST_TOKENS, RequestError, type InputFields } from '../common/index.ts';
import type { MessagesBody, PromptBody } from './body.ts';
import { conversationOf } from './conversation.ts';
import { toolsOf } from './tools.ts';

type InferInput = InputFields<'infer'>;

/** The request of a job for a body of /v1/messages. @throws JobError invalid_input */
export function inferInputOf(body: MessagesBody): InferInput {
  const { max_tokens, temperature, top_p, top_k, stop_sequences, stream } = body;
  return {
    ...promptInputOf(body),
    max_tokens: Math.min(max_tokens, MOST_TOKENS),
    stream: stream === true,
    ...given({ temperature, top_p, top_k: top_k && Math.min(top_k, MOST_CANDIDATES) }),
    ...given({ stop: stop_sequences?.filter((each) => each !== '') }),
  };
}

type PromptInput = Pick<
  InferInput,
  'model' | 'messages' | 'tools' | 'tool_choice' | 'parallel_tool_calls' | 'reasoning' | 'json_schema'
>;

/** The part of it that makes the prompt: all of a body of /v1/messages/count_tokens. @throws JobError invalid_input */
export function promptInputOf(body: PromptBody): PromptInput {
  if (body.thread !== undefined && body.thread !== null) throw threadRefused();
  const tools = toolsOf(body);
  const schema = schemaOf(body);
  return {
    model: body.model,
    messages: conversationOf(body),
    ...(tools.length === 0 ? {} : { tools }),
    ...choiceOf(body.tool_choice, tools),
    ...given({ reasoning: reasoningOf(body), json_schema: schema }),
  };
}

/**
 * SDKs that hold conversations as threads try one first, and send all of the conversation only after exactly this error. Ignored, a thread
 * would get answers that know nothing of its earlier messages.
 */
function threadRefused(): RequestError {
  const details = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };
  return new RequestError('thread', 'threads are not kept here; send the whole conversation', { details });
}

function choiceOf(
  choice: PromptBody['tool_choice'],
  tools: readonly Tool[],
): Pick<PromptInput, 'tool_choice' | 'parallel_tool_calls'> {
  if (choice === undefined || choice === null) return {};
  const parallel = choice.disable_parallel_tool_use === true ? { parallel_tool_calls: false } : {};
  const wanted = namedOf(choice, tools);
  return tools.length === 0 ? {} : { tool_choice: wanted, ...parallel };
}

function namedOf({ type, name }: NonNullable<PromptBody['tool_choice']>, tools: readonly Tool[]): ToolChoice {
  if (type === 'auto' || type === 'none') return type;
  if (type === 'any') {
    if (tools.length === 0) throw new RequestError('tool_choice', "'any' needs tools");
    return 'required';
  }
  if (!tools.some((tool) => tool.name === name))
    throw new RequestError('tool_choice.name', `no tool has the name '${name ?? ''}'`);
  return { names: [name ?? ''], required: true };
}

function reasoningOf({ thinking, output_config }: PromptBody): Reasoning | undefined {
  const effort = effortOf(output_config?.effort);
  if (thinking === undefined || thinking === null) return effort && { effort };
  if (thinking.type === 'disabled') return { on: false };
  const budget = thinking.budget_tokens;
  const whole = typeof budget === 'number' ? Math.min(MOST_TOKENS, Math.max(0, Math.floor(budget))) : undefined;
  return { on: true, ...given({ effort, budget: whole }) };
}

/** Templates have three levels; a word of no meaning here is ignored. */
function effortOf(effort: string | null | undefined): Reasoning['effort'] {
  if (effort === 'low' || effort === 'medium' || effort === 'high') return effort;
  return effort === 'xhigh' || effort === 'max' ? 'high' : undefined;
}

function schemaOf({ output_config, output_format }: PromptBody) {
  const format = output_config?.format ?? output_format;
  if (format === undefined || format === null) return undefined;
  const place = output_config?.format === undefined ? 'output_format' : 'output_config.format';
  if (format.type !== 'json_schema') throw new RequestError(`${place}.type`, "must be 'json_schema'");
  if (format.schema === undefined || format.schema === null) throw new RequestError(`${place}.schema`, 'is missing');
  return format.schema;
}
