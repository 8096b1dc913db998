import { DONE, type JobError, type OutputOf } from '../../../contract/index.ts';
import type { AnswerEvent, StreamedAnswer } from '../../common/index.ts';
import { openAiError } from '../error-shape.ts';
import { SSE_TYPE, sse } from '../sse.ts';
import { finishReason } from './chat-answer.ts';
import { ChatCalls } from './chat-calls.ts';
import { logprobEntries, reasoningFields, timingsOf, usageOf, type ChatHead } from './chat-head.ts';
import type { ToolForms } from './chat-tools.ts';

interface ChatStreamOptions {
  forms: ToolForms;
  /** The last chunk has the usage, and all others have it as null. */
  withUsage: boolean;
  choices: number;
}

/** What has been sent of one choice. */
interface Choice {
  hasRole: boolean;
  calls: ChatCalls;
}

/**
 * The answer as chunks. Of each choice, in this order: the role, reasoning, text, calls, the reason why it ended. Then, for all of them, the
 * usage if it is wanted, and `[DONE]`.
 */
export class ChatStream implements StreamedAnswer<'infer'> {
  readonly contentType = SSE_TYPE;
  readonly #head: ChatHead;
  readonly #options: ChatStreamOptions;
  readonly #choices: Choice[];
  readonly #outputs: OutputOf<'infer'>[] = [];

  constructor(head: ChatHead, options: ChatStreamOptions) {
    this.#head = head;
    this.#options = options;
    this.#choices = Array.from({ length: options.choices }, () => ({ hasRole: false, calls: new ChatCalls(options.forms) }));
  }

  begin(): string {
    return '';
  }

  events(events: readonly AnswerEvent<'infer'>[], choice: number): string {
    return events.map((event) => this.#event(event, choice)).join('');
  }

  /** Not without text after the colon: some parsers fail at a comment without any. */
  keepAlive(waitsFor: string): string {
    return `: rbee ${waitsFor}\n\n`;
  }

  end(): string {
    const usage = this.#options.withUsage ? sse({ ...this.#chunk([]), usage: usageOf(this.#outputs) }) : '';
    return `${usage}data: ${DONE}\n\n`;
  }

  fail(error: JobError): string {
    return sse({ error: openAiError(error) });
  }

  #event(event: AnswerEvent<'infer'>, choice: number): string {
    const { calls } = this.#of(choice);
    switch (event.kind) {
      case 'token': {
        const { text, logprobs } = event.data;
        const more = logprobs === undefined ? {} : { logprobs: { content: logprobEntries(logprobs), refusal: null } };
        return this.#role(choice, '') + this.#delta(choice, { content: text }, more);
      }
      case 'reasoning':
        return this.#role(choice, '') + this.#delta(choice, reasoningFields(event.data.text));
      case 'tool_call':
        return this.#role(choice, null) + this.#deltas(choice, calls.begin(event.data));
      case 'tool_arguments':
        return this.#deltas(choice, calls.piece(event.data));
      case 'result':
        return this.#finish(choice, event.data);
      case 'narration':
      case 'progress':
      case 'prompt':
      case 'log':
        return '';
    }
  }

  #finish(choice: number, output: OutputOf<'infer'>): string {
    this.#outputs[choice] = output;
    const ended = this.#role(choice, '') + this.#deltas(choice, this.#of(choice).calls.end());
    const finish_reason = finishReason(output, this.#options.forms);
    const chunk = this.#chunk([{ index: choice, delta: {}, logprobs: null, finish_reason }]);
    return ended + sse({ ...chunk, timings: timingsOf(output) });
  }

  /** Once, before all else of a choice. */
  #role(choice: number, content: '' | null): string {
    const state = this.#of(choice);
    if (state.hasRole) return '';
    state.hasRole = true;
    return this.#delta(choice, { role: 'assistant', content });
  }

  #deltas(choice: number, deltas: object[]): string {
    return deltas.map((delta) => this.#delta(choice, delta)).join('');
  }

  #delta(index: number, delta: object, more: object = { logprobs: null }): string {
    return sse(this.#chunk([{ index, delta, ...more, finish_reason: null }]));
  }

  #chunk(choices: object[]): object {
    const usage = this.#options.withUsage ? { usage: null } : {};
    return { object: 'chat.completion.chunk', ...this.#head, choices, ...usage };
  }

  #of(choice: number): Choice {
    const state = this.#choices[choice];
    if (state === undefined) throw new RangeError(`choice ${choice}`);
    return state;
  }
}
