import type { JobError, OutputOf, TokenLogprob, ToolCall } from '../../../contract/index.ts';
import { newId, type AnswerEvent, type StreamedAnswer } from '../../common/index.ts';
import { customInput } from '../call-arguments.ts';
import { logprobEntries } from '../chat/chat-head.ts';
import { openAiError } from '../error-shape.ts';
import { SSE_TYPE } from '../sse.ts';
import { endedResponse, failedResponse, openResponse, type ResponseHead } from './response-head.ts';
import {
  callItem,
  messageItem,
  reasoningItem,
  reasoningPart,
  textPart,
  type ItemStatus,
  type OutputItem,
} from './response-items.ts';
import type { ResponseTools } from './response-tools.ts';

/** The item that is being made. */
type Open =
  | { kind: 'message'; id: string; text: string; logprobs: object[] }
  | { kind: 'reasoning'; id: string; text: string }
  | { kind: 'call'; id: string; call: ToolCall };

/**
 * The answer as named events, numbered from 0 without a gap. One item is open at a time: it is added empty, filled by deltas, and done before
 * the next one is added.
 */
export class ResponseStream implements StreamedAnswer<'infer'> {
  readonly contentType = SSE_TYPE;
  readonly #head: ResponseHead;
  readonly #tools: ResponseTools;
  readonly #done: OutputItem[] = [];
  #open: Open | undefined;
  #number = 0;

  constructor(head: ResponseHead, tools: ResponseTools) {
    this.#head = head;
    this.#tools = tools;
  }

  begin(): string {
    const response = openResponse(this.#head);
    return this.#send('response.created', { response }) + this.#send('response.in_progress', { response });
  }

  event(event: AnswerEvent<'infer'>): string {
    switch (event.kind) {
      case 'token':
        return this.#text(event.data);
      case 'reasoning':
        return this.#reasoning(event.data.text);
      case 'tool_call':
        return this.#call({ id: event.data.id, name: event.data.name, arguments: '' });
      case 'tool_arguments':
        return this.#arguments(event.data.text);
      case 'result':
        return this.#result(event.data);
      case 'narration':
      case 'progress':
      case 'prompt':
      case 'log':
        return '';
    }
  }

  /** An event, because agents do not count a comment as a sign of life; of the one type that SDKs do not know and accept. */
  keepAlive(): string {
    return this.#send('keepalive', {});
  }

  fail(error: JobError): string {
    const { code, message, rbee_code } = openAiError(error);
    // The open item has no event of its own that says it is done: a client would act on a call that was cut.
    const output = this.#open === undefined ? this.#done : [...this.#done, this.#itemOf(this.#open, 'incomplete')];
    const response = failedResponse(this.#head, output, { code: code ?? 'server_error', message, rbee_code });
    return this.#send('response.failed', { response });
  }

  #text({ text, logprobs = [] }: { text: string; logprobs?: TokenLogprob[] }): string {
    const added = this.#open?.kind === 'message' ? '' : this.#close('completed') + this.#beginMessage();
    const open = this.#open;
    if (open?.kind !== 'message') return added;
    const entries = logprobEntries(logprobs);
    open.text += text;
    open.logprobs.push(...entries);
    return added + this.#send('response.output_text.delta', { ...this.#part(open.id), delta: text, logprobs: entries });
  }

  #beginMessage(): string {
    const id = newId('msg_');
    this.#open = { kind: 'message', id, text: '', logprobs: [] };
    return (
      this.#added(messageItem(id, undefined, 'in_progress')) +
      this.#send('response.content_part.added', { ...this.#part(id), part: textPart('') })
    );
  }

  #reasoning(text: string): string {
    let added = '';
    if (this.#open?.kind !== 'reasoning') {
      const id = newId('rs_');
      added = this.#close('completed') + this.#added(reasoningItem(id, '', 'in_progress'));
      added += this.#send('response.content_part.added', { ...this.#part(id), part: reasoningPart('') });
      this.#open = { kind: 'reasoning', id, text: '' };
    }
    this.#open.text += text;
    return added + this.#send('response.reasoning_text.delta', { ...this.#part(this.#open.id), delta: text });
  }

  #call(call: ToolCall): string {
    const id = newId('fc_');
    const closed = this.#close('completed');
    this.#open = { kind: 'call', id, call };
    return closed + this.#added(callItem(id, call, { tools: this.#tools, status: 'in_progress' }));
  }

  /** The text of a custom tool is known when its arguments are whole. */
  #arguments(text: string): string {
    if (this.#open?.kind !== 'call') return '';
    const { id, call } = this.#open;
    call.arguments += text;
    if (this.#tools.calledAs(call.name).isCustom === true) return '';
    return this.#send('response.function_call_arguments.delta', { ...this.#item(id), delta: text });
  }

  #result(output: OutputOf<'infer'>): string {
    const none = this.#done.length === 0 && this.#open === undefined ? this.#beginMessage() : '';
    const closed = this.#close(output.finish_reason === 'length' ? 'incomplete' : 'completed');
    const response = endedResponse(this.#head, this.#done, output);
    return none + closed + this.#send(`response.${response.status}`, { response });
  }

  #close(status: ItemStatus): string {
    const open = this.#open;
    if (open === undefined) return '';
    const item = this.#itemOf(open, status);
    const ended = this.#contentDone(open);
    const done = this.#send('response.output_item.done', { output_index: this.#done.length, item });
    this.#open = undefined;
    this.#done.push(item);
    return ended + done;
  }

  /** The item as it is in the end. */
  #itemOf(open: Open, status: ItemStatus): OutputItem {
    if (open.kind === 'call') return callItem(open.id, open.call, { tools: this.#tools, status });
    const { id, text, kind } = open;
    return kind === 'message' ? messageItem(id, textPart(text, open.logprobs), status) : reasoningItem(id, text, status);
  }

  /** The events that end the content of an item. */
  #contentDone(open: Open): string {
    if (open.kind === 'call') return this.#callDone(open);
    const { id, text, kind } = open;
    const isText = kind === 'message';
    const own = isText ? { text, logprobs: open.logprobs } : { text };
    const part = isText ? textPart(text, open.logprobs) : reasoningPart(text);
    return (
      this.#send(isText ? 'response.output_text.done' : 'response.reasoning_text.done', { ...this.#part(id), ...own }) +
      this.#send('response.content_part.done', { ...this.#part(id), part })
    );
  }

  #callDone({ id, call }: Extract<Open, { kind: 'call' }>): string {
    const { isCustom, name } = this.#tools.calledAs(call.name);
    if (isCustom !== true)
      return this.#send('response.function_call_arguments.done', { ...this.#item(id), name, arguments: call.arguments });
    const input = customInput(call.arguments);
    return (
      this.#send('response.custom_tool_call_input.delta', { ...this.#item(id), delta: input }) +
      this.#send('response.custom_tool_call_input.done', { ...this.#item(id), input })
    );
  }

  #added(item: OutputItem): string {
    return this.#send('response.output_item.added', { output_index: this.#done.length, item });
  }

  #item(item_id: string) {
    return { item_id, output_index: this.#done.length };
  }

  #part(item_id: string) {
    return { ...this.#item(item_id), content_index: 0 };
  }

  #send(type: string, data: object): string {
    const text = JSON.stringify({ type, sequence_number: this.#number, ...data });
    this.#number += 1;
    return `event: ${type}\ndata: ${text}\n\n`;
  }
}
