import type { JobError, OutputOf } from '../../contract/index.ts';
import type { AnswerEvent, StreamedAnswer } from '../common/index.ts';
import { promptUsage, stopOf, toolUseId, type AnswerOptions } from './answer.ts';
import { anthropicErrorBody } from './errors.ts';
import { signatureOf } from './signature.ts';

type Open = { kind: 'text' } | { kind: 'thinking'; text: string } | { kind: 'tool_use'; call: number };

const PING = sse('ping', { type: 'ping' });

/**
 * The events of a job as the stream of a message: one block at a time, of thinking, text or a call, each event with its name, without which SDKs
 * drop it. The message starts as soon as the tokens of the prompt are counted.
 */
export class MessageStream implements StreamedAnswer<'infer'> {
  readonly contentType = 'text/event-stream; charset=utf-8';
  readonly #options: AnswerOptions;
  #isStarted = false;
  #open: Open | undefined;
  /** Of the open block, or of the next one. */
  #index = 0;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  event(event: AnswerEvent<'infer'>): string {
    switch (event.kind) {
      case 'prompt':
        return this.#start(event.data);
      case 'reasoning':
        return this.#start() + this.#thinking(event.data.text);
      case 'token':
        return event.data.text === '' ? '' : this.#start() + this.#text(event.data.text);
      case 'tool_call':
        return this.#start() + this.#call(event.data);
      case 'tool_arguments':
        return event.data.text === '' ? '' : this.#delta({ type: 'input_json_delta', partial_json: event.data.text });
      case 'result':
        return this.#end(event.data);
      case 'narration':
      case 'progress':
      case 'log':
        return '';
    }
  }

  keepAlive(): string {
    return PING;
  }

  fail(error: JobError): string {
    return sse('error', anthropicErrorBody(error, this.#options.requestId));
  }

  #start(prompt: Parameters<typeof promptUsage>[0] = { prompt_tokens: 0 }): string {
    if (this.#isStarted) return '';
    this.#isStarted = true;
    const { id, model } = this.#options;
    const message = { id, type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null };
    const usage = { ...promptUsage(prompt), output_tokens: 0 };
    return sse('message_start', { type: 'message_start', message: { ...message, usage } }) + PING;
  }

  #thinking(text: string): string {
    const open = this.#open?.kind === 'thinking' ? this.#open : undefined;
    const start =
      open === undefined ? this.#begin({ kind: 'thinking', text: '' }, { type: 'thinking', thinking: '', signature: '' }) : '';
    if (this.#open?.kind === 'thinking') this.#open.text += text;
    return this.#options.showsThinking ? start + this.#delta({ type: 'thinking_delta', thinking: text }) : start;
  }

  #text(text: string): string {
    const start = this.#open?.kind === 'text' ? '' : this.#begin({ kind: 'text' }, { type: 'text', text: '' });
    return start + this.#delta({ type: 'text_delta', text });
  }

  #call({ index, id, name }: { index: number; id: string; name: string }): string {
    return this.#begin({ kind: 'tool_use', call: index }, { type: 'tool_use', id: toolUseId(id), name, input: {} });
  }

  #begin(open: Open, content_block: object): string {
    const closed = this.#close();
    this.#open = open;
    return closed + sse('content_block_start', { type: 'content_block_start', index: this.#index, content_block });
  }

  #delta(delta: object): string {
    return sse('content_block_delta', { type: 'content_block_delta', index: this.#index, delta });
  }

  #close(): string {
    if (this.#open === undefined) return '';
    const { showsThinking } = this.#options;
    const signed =
      this.#open.kind === 'thinking'
        ? this.#delta({ type: 'signature_delta', signature: signatureOf(this.#open.text, showsThinking) })
        : '';
    const closed = signed + sse('content_block_stop', { type: 'content_block_stop', index: this.#index });
    this.#open = undefined;
    this.#index += 1;
    return closed;
  }

  #end(output: OutputOf<'infer'>): string {
    const usage = { ...promptUsage(output.usage), output_tokens: output.usage.completion_tokens };
    return [
      this.#start(output.usage),
      this.#close(),
      sse('message_delta', { type: 'message_delta', delta: stopOf(output), usage }),
      sse('message_stop', { type: 'message_stop' }),
    ].join('');
  }
}

function sse(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
