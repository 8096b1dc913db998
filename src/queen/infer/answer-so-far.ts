import {
  isAnswer,
  textOf,
  type ChatMessage,
  type InputOf,
  type JobEvent,
  type OutputOf,
  type WorkerOperation,
} from '../../contract/index.ts';
import type { HeldRequest } from './held-request.ts';

/** The answer to a request so far, which another worker can continue. Only kept for a request that allows it. */
export class AnswerSoFar {
  readonly #request: Pick<HeldRequest, 'input' | 'outline'>;
  #text = '';
  /** Token events; a few of them hold more than one token. */
  #events = 0;
  #continued = 0;
  /** Reasoning and calls of tools cannot be continued from the middle. */
  #isText = true;
  /** The part from earlier workers, when another one continues. */
  #before = { text: '', events: 0 };

  constructor(request: Pick<HeldRequest, 'input' | 'outline'>) {
    this.#request = request;
  }

  get mayContinue(): boolean {
    return this.#isText && this.#request.outline.mayContinue;
  }

  take(event: JobEvent): void {
    // Parsed only where it is needed: relaying does not.
    if (isAnswer(event.kind) && event.kind !== 'token') this.#isText = false;
    if (event.kind !== 'token' || !this.mayContinue) return;
    this.#text += event.data.text;
    this.#events += 1;
  }

  /** The input for the next worker: the conversation, with the answer so far as its last message. */
  next(): InputOf<WorkerOperation> {
    const { input } = this.#request;
    if (this.#events === 0 || !('stream' in input)) return input;
    this.#continued += 1;
    this.#before = { text: this.#text, events: this.#events };
    const { prompt, messages, max_tokens, ...rest } = input;
    const left = max_tokens === undefined ? {} : { max_tokens: Math.max(1, max_tokens - this.#events) };
    return { ...rest, ...left, messages: withAnswer(messages ?? [{ role: 'user', content: prompt ?? '' }], this.#text) };
  }

  /** @param last the output of the last worker: the rest of the text */
  whole(last: OutputOf<WorkerOperation>): OutputOf<WorkerOperation> {
    if (this.#continued === 0 || !('text' in last)) return last;
    const before = this.#before;
    const { prompt_tokens, completion_tokens, cached_tokens } = last.usage;
    return {
      ...last,
      text: before.text + last.text,
      continued: this.#continued,
      usage: {
        prompt_tokens: Math.max(0, prompt_tokens - before.events),
        cached_tokens,
        completion_tokens: completion_tokens + before.events,
      },
    };
  }
}

/** A conversation may end with the beginning of the answer, from the client. */
function withAnswer(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return [...messages, { role: 'assistant', content: text }];
  return [...messages.slice(0, -1), { role: 'assistant', content: textOf(last) + text }];
}
