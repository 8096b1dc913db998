import type { JobError, ToolCall } from '../../contract/index.ts';
import type { AnswerEvent, StreamedAnswer } from '../common/index.ts';
import { callOf, endOf, partOf, type AnswerOptions, type Piece } from './answer.ts';
import { ollamaErrorBody } from './errors.ts';

export const NDJSON = 'application/x-ndjson';

/** The events of a job as lines of JSON. A call is sent whole, when all of its arguments are there. */
export class AnswerStream implements StreamedAnswer<'infer'> {
  readonly contentType = NDJSON;
  readonly #options: AnswerOptions;
  #call: (ToolCall & { index: number }) | undefined;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  event(event: AnswerEvent<'infer'>): string {
    switch (event.kind) {
      case 'prompt':
        return '';
      case 'reasoning':
        return this.#part({ thinking: event.data.text });
      case 'token':
        return this.#endCall() + this.#part({ content: event.data.text, logprobs: event.data.logprobs });
      case 'tool_call': {
        const ended = this.#endCall();
        this.#call = { ...event.data, arguments: '' };
        return ended;
      }
      case 'tool_arguments':
        if (this.#call !== undefined) this.#call.arguments += event.data.text;
        return '';
      case 'result':
        return this.#endCall() + line({ ...partOf({}, this.#options), ...endOf(event.data, this.#options) });
      case 'narration':
      case 'progress':
      case 'log':
        return '';
    }
  }

  keepAlive(): string {
    return this.#part({});
  }

  fail(error: JobError): string {
    return line(ollamaErrorBody(error));
  }

  #endCall(): string {
    if (this.#call === undefined) return '';
    const { index, ...call } = this.#call;
    this.#call = undefined;
    return this.#part({ calls: [callOf(call, index, this.#options)] });
  }

  #part(piece: Piece): string {
    return line({ ...partOf(piece, this.#options), done: false });
  }
}

export function line(part: object): string {
  return `${JSON.stringify(part)}\n`;
}
