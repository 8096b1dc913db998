import type { ChatMessage } from '../../../contract/index.ts';
import {
  meantModel,
  parseBody,
  RequestError,
  requireSight,
  type FleetModels,
  type InputFields,
  type Translate,
} from '../../common/index.ts';
import { reasoningOf } from '../reasoning.ts';
import { cut } from '../sampling.ts';
import { messagesOfItems } from './input-items.ts';
import { responseHead, wholeResponse } from './response-head.ts';
import { ResponseStream } from './response-stream.ts';
import { ResponseTools, toolFields } from './response-tools.ts';
import { responsesRequest, type ResponsesRequest } from './responses-request.ts';

const NAMES = { json_schema: 'text.format.schema', max_tokens: 'max_output_tokens' };

/** POST /v1/responses: without a memory of earlier ones. */
export function responses(models: FleetModels): Translate<'infer'> {
  return (request) => {
    const fields = parseBody(responsesRequest, request.body);
    refuseKept(fields);
    const tools = new ResponseTools(fields.tools ?? []);
    const stream = fields.stream === true;
    const model = meantModel(fields.model, models, request);
    const input = { ...inputOf(fields, tools), model, stream };
    requireSight(input.messages, model, models);
    const head = responseHead(fields);
    const answer = stream ? new ResponseStream(head, tools) : wholeResponse(head, tools);
    return { operation: 'infer', inputs: [input], answer, names: NAMES };
  };
}

/** What would need an earlier response, or one that outlives its request: ignored, the answer would be wrong. */
function refuseKept({ previous_response_id, conversation, background }: ResponsesRequest): void {
  if (previous_response_id)
    throw new RequestError('previous_response_id', 'responses are not kept here; send the whole conversation as input');
  if (conversation)
    throw new RequestError('conversation', 'conversations are not kept here; send the whole conversation as input');
  if (background === true) throw new RequestError('background', 'a response is made while its request is open');
}

function inputOf(fields: ResponsesRequest, tools: ResponseTools): InputFields<'infer'> {
  return {
    messages: messagesOf(fields),
    max_tokens: cut(fields.max_output_tokens),
    temperature: fields.temperature ?? undefined,
    top_p: fields.top_p ?? undefined,
    ...(fields.top_logprobs ? { logprobs: true, top_logprobs: fields.top_logprobs } : {}),
    ...formatOf(fields.text?.format),
    ...toolFields(tools, fields),
    reasoning: reasoningOf(fields.reasoning?.effort),
  };
}

function messagesOf({ instructions, input }: ResponsesRequest): ChatMessage[] {
  const messages: ChatMessage[] = typeof input === 'string' ? [{ role: 'user', content: input }] : messagesOfItems(input);
  if (messages.length === 0) throw new RequestError('input', 'has no message');
  return instructions ? [{ role: 'system', content: instructions }, ...messages] : messages;
}

function formatOf(format: NonNullable<ResponsesRequest['text']>['format']): InputFields<'infer'> {
  if (!format || format.type === 'text') return {};
  return format.type === 'json_object' ? { json: true } : { json_schema: format.schema, strict: format.strict === true };
}
