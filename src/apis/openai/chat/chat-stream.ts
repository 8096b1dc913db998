import type { OutputOf } from '../../../contract/index.ts';
import type { AnswerEvent } from '../../common/index.ts';
import { ChunkStream, type ChunkOptions } from '../chunk-stream.ts';
import { finishReason } from './chat-answer.ts';
import { ChatCalls } from './chat-calls.ts';
import { logprobEntries, reasoningFields, type ChatHead } from './chat-head.ts';
import type { ToolForms } from './chat-tools.ts';

const EMPTY_CONTENT = '"content":""';

/** What has been sent of one choice. */
interface Choice {
  hasRole: boolean;
  /** A part with a text, before and after that text: the same for every token. */
  around: { before: string; after: string } | undefined;
  calls: ChatCalls;
}

/** Of each choice, in this order: the role, reasoning, text, calls, the reason why it ended. */
export class ChatStream extends ChunkStream {
  readonly #forms: ToolForms;
  readonly #choices: Choice[];

  constructor(head: ChatHead, { forms, ...options }: ChunkOptions & { forms: ToolForms }) {
    super({ object: 'chat.completion.chunk', ...head }, options);
    this.#forms = forms;
    this.#choices = Array.from({ length: options.each }, () => ({
      hasRole: false,
      around: undefined,
      calls: new ChatCalls(forms),
    }));
  }

  event(event: AnswerEvent<'infer'>, choice: number): string {
    const { calls } = this.#of(choice);
    switch (event.kind) {
      case 'token': {
        const { text, logprobs } = event.data;
        const shape = logprobs === undefined ? null : { content: logprobEntries(logprobs), refusal: null };
        return this.#role(choice, '') + this.#delta(choice, { content: text }, shape);
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

  token(text: string, index: number): string {
    const state = this.#of(index);
    const { before, after } = (state.around ??= this.#around(index));
    return this.#role(index, '') + before + text + after;
  }

  /** In the strings of a part, a quote is escaped: the field is found where it is. */
  #around(index: number): { before: string; after: string } {
    const part = this.#delta(index, { content: '' });
    const at = part.indexOf(EMPTY_CONTENT) + EMPTY_CONTENT.length - 2;
    return { before: part.slice(0, at), after: part.slice(at + 2) };
  }

  #finish(choice: number, output: OutputOf<'infer'>): string {
    const ended = this.#role(choice, '') + this.#deltas(choice, this.#of(choice).calls.end());
    const finish_reason = finishReason(output, this.#forms);
    return ended + this.lastPart({ index: choice, delta: {}, logprobs: null, finish_reason }, output);
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

  #delta(index: number, delta: object, logprobs: object | null = null): string {
    return this.part({ index, delta, logprobs, finish_reason: null });
  }

  #of(choice: number): Choice {
    const state = this.#choices[choice];
    if (state === undefined) throw new RangeError(`choice ${choice}`);
    return state;
  }
}
