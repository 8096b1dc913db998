import type { OutputOf, ToolCall } from '../../contract/index.ts';
import { answerOfOne, type WholeAnswer } from '../common/index.ts';
import { signatureOf } from './signature.ts';

type Output = OutputOf<'infer'>;

/** What all parts of an answer repeat. */
export interface AnswerOptions {
  /** `msg_…` */
  id: string;
  requestId: string;
  /** The name that the client has sent. */
  model: string;
  /** Whether the client gets the text of the reasoning; only a signature otherwise. */
  showsThinking: boolean;
}

/** The answer to a request that is not streamed. */
export function wholeMessage(options: AnswerOptions): WholeAnswer<'infer'> {
  return answerOfOne((output) => messageOf(output, options));
}

export function messageOf(output: Output, { id, model, showsThinking }: Omit<AnswerOptions, 'requestId'>): object {
  const { reasoning = '', text, tool_calls = [] } = output;
  const thinking = {
    type: 'thinking',
    thinking: showsThinking ? reasoning : '',
    signature: signatureOf(reasoning, showsThinking),
  };
  const content = [
    ...(reasoning === '' ? [] : [thinking]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...tool_calls.map((call) => ({ type: 'tool_use', id: toolUseId(call.id), name: call.name, input: inputOf(call) })),
  ];
  const usage = { ...promptUsage(output.usage), output_tokens: output.usage.completion_tokens };
  return { id, type: 'message', role: 'assistant', model, content, ...stopOf(output), usage };
}

export function stopOf({ finish_reason, stop_sequence }: Output): { stop_reason: string; stop_sequence: string | null } {
  if (finish_reason === 'tool_calls') return { stop_reason: 'tool_use', stop_sequence: null };
  if (finish_reason === 'length') return { stop_reason: 'max_tokens', stop_sequence: null };
  if (stop_sequence !== undefined) return { stop_reason: 'stop_sequence', stop_sequence };
  return { stop_reason: 'end_turn', stop_sequence: null };
}

/** Tokens found in the KV cache are counted apart, as Anthropic does. */
export function promptUsage({ prompt_tokens, cached_tokens = 0 }: { prompt_tokens: number; cached_tokens?: number | undefined }) {
  return {
    input_tokens: prompt_tokens - cached_tokens,
    cache_read_input_tokens: cached_tokens,
    cache_creation_input_tokens: 0,
  };
}

/** An id of a call, as clients of this API know them. */
export function toolUseId(id: string): string {
  return id.startsWith('toolu_') ? id : `toolu_${id.replace(/^call_/, '')}`;
}

/** An object whatever the model has written: only an answer that was cut has arguments that are none. */
function inputOf({ arguments: text }: ToolCall): object {
  try {
    const input = JSON.parse(text === '' ? '{}' : text) as unknown;
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Below.
  }
  return { _raw: text };
}
