import type { TokenLogprob } from '../../../contract/index.ts';
import type { AnswerEvent, WholeAnswer } from '../../common/index.ts';
import { timingsOf, usageOf, type ChatHead } from '../chat/chat-head.ts';
import { ChunkStream, type ChunkOptions } from '../chunk-stream.ts';

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
    usage: usageOf(outputs, each),
    ...(outputs[0] === undefined ? {} : { timings: timingsOf(outputs[0]) }),
  });
}

export class CompletionStream extends ChunkStream {
  /** Length of the text of each choice so far. */
  readonly #offsets: number[] = [];

  constructor(head: ChatHead, options: ChunkOptions) {
    super({ object: 'text_completion', ...head }, options);
  }

  event(event: AnswerEvent<'infer'>, index: number): string {
    if (event.kind === 'token') {
      const { text, logprobs } = event.data;
      const offset = this.#offsets[index] ?? 0;
      this.#offsets[index] = offset + text.length;
      const shape = logprobs === undefined ? null : logprobsOf(logprobs, offset);
      return this.part({ text, index, logprobs: shape, finish_reason: null });
    }
    if (event.kind !== 'result') return '';
    return this.lastPart({ text: '', index, logprobs: null, finish_reason: event.data.finish_reason }, event.data);
  }
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
