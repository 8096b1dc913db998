import type { ChatMessage, InputOf, JobEvent, OutputOf } from '../../contract/index.ts';
import type { HeldRequest } from './held-request.ts';

/** What a request has been answered with until now, so that another worker can go on from there. */
export class AnswerSoFar {
  readonly #request: Pick<HeldRequest, 'input' | 'outline'>;
  #text = '';
  /** Token events; a few of them hold more than one token. */
  #events = 0;
  #isBegun = false;
  #continued = 0;
  /** What earlier workers have answered, when another one goes on. */
  #before = { text: '', events: 0 };

  constructor(request: Pick<HeldRequest, 'input' | 'outline'>) {
    this.#request = request;
  }

  /** Whether anything has reached the caller that cannot be taken back. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  get mayContinue(): boolean {
    return this.#request.outline.mayContinue;
  }

  take(event: JobEvent): void {
    if (event.kind !== 'token') return;
    this.#isBegun = true;
    // Parsed only where it is needed: relaying does not.
    if (!this.mayContinue) return;
    this.#text += event.data.text;
    this.#events += 1;
  }

  /** What to ask the next worker: the conversation, with the answer as far as it has come as its last message. */
  next(): InputOf<'infer'> {
    const { input } = this.#request;
    if (!this.#isBegun) return input;
    this.#continued += 1;
    this.#before = { text: this.#text, events: this.#events };
    const { prompt, messages, max_tokens, ...rest } = input;
    const left = max_tokens === undefined ? {} : { max_tokens: Math.max(1, max_tokens - this.#events) };
    return { ...rest, ...left, messages: withAnswer(messages ?? [{ role: 'user', content: prompt ?? '' }], this.#text) };
  }

  /** @param last what the last worker answered: the rest of the text */
  whole(last: OutputOf<'infer'>): OutputOf<'infer'> {
    if (this.#continued === 0) return last;
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

/** A conversation may end with an answer that the caller has begun. */
function withAnswer(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return [...messages, { role: 'assistant', content: text }];
  return [...messages.slice(0, -1), { role: 'assistant', content: last.content + text }];
}
