import type { OutputOf } from '../../../contract/index.ts';
import { answerOfOne, newId, type WholeAnswer } from '../../common/index.ts';
import { itemsOf, type OutputItem } from './response-items.ts';
import type { ResponseTools } from './response-tools.ts';
import type { ResponsesRequest } from './responses-request.ts';

/** What an answer repeats of its request. */
export type ResponseHead = ReturnType<typeof responseHead>;

export function responseHead(request: ResponsesRequest) {
  return {
    id: newId('resp_'),
    object: 'response',
    created_at: Math.floor(Date.now() / 1_000),
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    model: request.model,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    store: false,
    temperature: request.temperature ?? null,
    text: { format: request.text?.format ?? { type: 'text' } },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_p: request.top_p ?? null,
    truncation: 'disabled',
    metadata: request.metadata ?? {},
  };
}

/** While it is being made. */
export function openResponse(head: ResponseHead): object {
  return { ...head, status: 'in_progress', error: null, incomplete_details: null, completed_at: null, output: [], usage: null };
}

export function failedResponse(head: ResponseHead, output: OutputItem[], error: object): object {
  return { ...openResponse(head), status: 'failed', error, output };
}

/** An answer that was cut is incomplete. */
export function endedResponse(head: ResponseHead, output: OutputItem[], result: OutputOf<'infer'>) {
  const isCut = result.finish_reason === 'length';
  return {
    ...head,
    status: isCut ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    completed_at: Math.floor(Date.now() / 1_000),
    output,
    usage: usageOf(result),
  };
}

export function wholeResponse(head: ResponseHead, tools: ResponseTools): WholeAnswer<'infer'> {
  return answerOfOne((output) => endedResponse(head, itemsOf(output, tools), output));
}

/** Both details are always there: clients fail to parse a usage without them. */
function usageOf({ usage }: OutputOf<'infer'>): object {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.cached_tokens ?? 0 },
    output_tokens: usage.completion_tokens,
    output_tokens_details: { reasoning_tokens: usage.reasoning_tokens ?? 0 },
    total_tokens: usage.prompt_tokens + usage.completion_tokens,
  };
}
