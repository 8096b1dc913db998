import { DONE, type JobError, type OutputOf, type TokenLogprob } from '../../../contract/index.ts';
import type { AnswerEvent, StreamedAnswer, WholeAnswer } from '../../common/index.ts';
import { timingsOf, usageOf, type ChatHead } from '../chat/chat-head.ts';
import { openAiError } from '../error-shape.ts';
import { SSE_TYPE, sse } from '../sse.ts';

/** @param each number of choices for each prompt */
export function completionAnswer(head: ChatHead, each: number): WholeAnswer<'infer'> {
  return (outputs) => ({
    object: 'text_completion',
    ...head,
    choices: outputs.map(({ text, logprobs, finish_reason }, index) => ({
      text,
      index,
      logprobs: logprobs === undefined ? null : logprobsOf(logprobs, 0),
      finish_reason,
    })),
    usage: usageOfPrompts(outputs, each),
    ...(outputs[0] === undefined ? {} : { timings: timingsOf(outputs[0]) }),
  });
}

export class CompletionStream implements StreamedAnswer<'infer'> {
  readonly contentType = SSE_TYPE;
  readonly #head: ChatHead;
  readonly #options: { each: number; withUsage: boolean };
  readonly #outputs: OutputOf<'infer'>[] = [];
  /** Length of the text of each choice so far. */
  readonly #offsets: number[] = [];

  constructor(head: ChatHead, options: { each: number; withUsage: boolean }) {
    this.#head = head;
    this.#options = options;
  }

  begin(): string {
    return '';
  }

  events(events: readonly AnswerEvent<'infer'>[], choice: number): string {
    return events.map((event) => this.#event(event, choice)).join('');
  }

  keepAlive(waitsFor: string): string {
    return `: rbee ${waitsFor}\n\n`;
  }

  end(): string {
    const { each, withUsage } = this.#options;
    const usage = withUsage ? sse({ ...this.#chunk([]), usage: usageOfPrompts(this.#outputs, each) }) : '';
    return `${usage}data: ${DONE}\n\n`;
  }

  fail(error: JobError): string {
    return sse({ error: openAiError(error) });
  }

  #event(event: AnswerEvent<'infer'>, index: number): string {
    if (event.kind === 'token') {
      const { text, logprobs } = event.data;
      const offset = this.#offsets[index] ?? 0;
      this.#offsets[index] = offset + text.length;
      const shape = logprobs === undefined ? null : logprobsOf(logprobs, offset);
      return sse(this.#chunk([{ text, index, logprobs: shape, finish_reason: null }]));
    }
    if (event.kind !== 'result') return '';
    this.#outputs[index] = event.data;
    const chunk = this.#chunk([{ text: '', index, logprobs: null, finish_reason: event.data.finish_reason }]);
    return sse({ ...chunk, timings: timingsOf(event.data) });
  }

  #chunk(choices: object[]): object {
    const usage = this.#options.withUsage ? { usage: null } : {};
    return { object: 'text_completion', ...this.#head, choices, ...usage };
  }
}

/** Each prompt counts once. */
function usageOfPrompts(outputs: readonly OutputOf<'infer'>[], each: number) {
  const usage = usageOf(outputs);
  const firsts = outputs.filter((_, index) => index % each === 0);
  const prompt = firsts.reduce((sum, { usage: { prompt_tokens } }) => sum + prompt_tokens, 0);
  const cached = firsts.reduce((sum, { usage: { cached_tokens = 0 } }) => sum + cached_tokens, 0);
  const total = prompt + usage.completion_tokens;
  return { ...usage, prompt_tokens: prompt, total_tokens: total, prompt_tokens_details: { cached_tokens: cached } };
}

/** The older shape: lists side by side. @param offset of the first token in the text of its choice */
function logprobsOf(logprobs: readonly TokenLogprob[], offset: number) {
  let place = offset;
  const text_offset = logprobs.map(({ token }) => (place += token.length) - token.length);
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset,
  };
}
