import { DONE, type JobError, type OutputOf } from '../../contract/index.ts';
import type { AnswerEvent, StreamedAnswer } from '../common/index.ts';
import { timingsOf, usageOf, type ChatHead } from './chat/chat-head.ts';
import { openAiError } from './error-shape.ts';
import { SSE_TYPE, sse } from './sse.ts';

export interface ChunkOptions {
  /** The last chunk has the usage, and all others have it as null. */
  withUsage: boolean;
  /** Number of choices for each prompt. */
  each: number;
}

/** A part of a choice, as it is sent. */
type Choice = { index: number; finish_reason: string | null } & Record<string, unknown>;

/** An answer as chunks: those of its choices, the usage of all of them if it is wanted, and `[DONE]`. */
export abstract class ChunkStream implements StreamedAnswer<'infer'> {
  readonly contentType = SSE_TYPE;
  readonly #head: ChatHead & { object: string };
  readonly #options: ChunkOptions;
  readonly #outputs: OutputOf<'infer'>[] = [];

  constructor(head: ChatHead & { object: string }, options: ChunkOptions) {
    this.#head = head;
    this.#options = options;
  }

  abstract event(event: AnswerEvent<'infer'>, index: number): string;

  /** Not without text after the colon: some parsers fail at a comment without any. */
  keepAlive(waitsFor: string): string {
    return `: rbee ${waitsFor}\n\n`;
  }

  end(): string {
    const { each, withUsage } = this.#options;
    const usage = withUsage ? sse({ ...this.#chunk([]), usage: usageOf(this.#outputs, each) }) : '';
    return `${usage}data: ${DONE}\n\n`;
  }

  fail(error: JobError): string {
    return sse({ error: openAiError(error) });
  }

  protected part(choice: Choice): string {
    return sse(this.#chunk([choice]));
  }

  /** The last part of a choice. */
  protected lastPart(choice: Choice, output: OutputOf<'infer'>): string {
    this.#outputs[choice.index] = output;
    return sse({ ...this.#chunk([choice]), timings: timingsOf(output) });
  }

  #chunk(choices: object[]): object {
    const usage = this.#options.withUsage ? { usage: null } : {};
    return { ...this.#head, choices, ...usage };
  }
}
