import {
  parseBody,
  RequestError,
  type FieldNames,
  type FleetModels,
  type InputFields,
  type Translate,
  keepAliveOf,
  meantModel,
  requireSight,
} from '../../common/index.ts';
import { reasoningOf } from '../reasoning.ts';
import { cut, SAMPLING_NAMES, samplingOf } from '../sampling.ts';
import { messagesOf } from './chat-messages.ts';
import { chatRequest, type ChatRequest } from './chat-request.ts';
import { ChatStream } from './chat-stream.ts';
import { toolFormsOf, toolsOf } from './chat-tools.ts';
import { headOf } from './chat-head.ts';
import { chatAnswer } from './chat-answer.ts';

/** POST /v1/chat/completions */
export function chatCompletions(models: FleetModels): Translate<'infer'> {
  return (request) => {
    const fields = parseBody(chatRequest, request.body);
    const stream = fields.stream === true;
    const model = meantModel(fields.model, models, request);
    const input: InputFields<'infer'> = { ...inputOf(fields), model, stream };
    requireSight(input.messages, model, models);
    const inputs = Array.from({ length: fields.n ?? 1 }, (_, choice) => ({ ...input, ...seedOf(fields, choice) }));
    const head = headOf(fields.model);
    const forms = toolFormsOf(fields);
    const withUsage = fields.stream_options?.include_usage === true;
    const answer = stream ? new ChatStream(head, { forms, withUsage, each: inputs.length }) : chatAnswer(head, forms);
    return { operation: 'infer', inputs, answer, names: namesOf(fields) };
  };
}

function inputOf(fields: ChatRequest): InputFields<'infer'> {
  if (fields.modalities?.some((modality) => modality !== 'text') === true) {
    throw new RequestError('modalities', "only 'text' is served");
  }
  if (fields.top_logprobs && fields.logprobs !== true) throw new RequestError('top_logprobs', "needs 'logprobs': true");
  return {
    messages: messagesOf(fields.messages),
    ...samplingOf(fields, 0),
    max_tokens: cut(fields.max_completion_tokens ?? fields.max_tokens),
    ...(fields.logprobs === true ? { logprobs: true, top_logprobs: fields.top_logprobs ?? undefined } : {}),
    ...formatOf(fields.response_format),
    ...toolsOf(fields),
    reasoning: thinkingOf(fields),
    chat_template_kwargs: fields.chat_template_kwargs ?? undefined,
    keep_alive: keepAliveOf(fields.keep_alive),
  };
}

function namesOf({ response_format: format }: ChatRequest): FieldNames {
  const json_schema = format?.type === 'json_schema' ? 'response_format.json_schema.schema' : 'response_format.schema';
  return { ...SAMPLING_NAMES, json_schema };
}

function seedOf(fields: ChatRequest, choice: number): InputFields<'infer'> {
  return { seed: samplingOf(fields, choice).seed };
}

function thinkingOf({ reasoning_effort, reasoning, enable_thinking }: ChatRequest): InputFields<'infer'>['reasoning'] {
  if (typeof enable_thinking === 'boolean') return { on: enable_thinking };
  return reasoningOf(reasoning_effort ?? reasoning?.effort);
}

/** A schema that is not strict loses what cannot be enforced of it. */
function formatOf(format: ChatRequest['response_format']): InputFields<'infer'> {
  if (!format || format.type === 'text') return {};
  if (format.type === 'json_schema')
    return { json_schema: format.json_schema.schema, strict: format.json_schema.strict === true };
  return format.schema ? { json_schema: format.schema, strict: false } : { json: true };
}
