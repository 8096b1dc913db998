import type { AnswerEvent } from '../engine.ts';
import { AnswerText } from './answer-text.ts';
import { CallReader } from './calls/call-reader.ts';
import type { CallForm } from './calls/call-form.ts';
import { ReasoningReader, type ReadPiece, type ReasoningForm } from './reasoning-reader.ts';
import { StopScanner, beginningHeldBack } from './stop-scanner.ts';

export interface AnswerForm {
  stop: readonly string[];
  trimSpace: boolean;
  /** Undefined for a model that does not reason. */
  reasoning?: ReasoningForm & { budget?: number | undefined };
  calls?: {
    form: CallForm;
    /** The answer is calls and nothing else; its prompt ends with the beginning of the form, unless it ends inside of reasoning. */
    isForced: boolean;
    /** The grammar holds before a call too, so no token can continue wrongly after the trigger. */
    isSteered?: boolean;
  };
}

/** What a token has made of the answer. */
export interface Read {
  events: AnswerEvent[];
  /** The stop string that was found: nothing follows. */
  stop?: string;
  /** Text in the place of the token's own, from which the model continues: control tokens are written by their names. */
  replacement?: string;
}

type Place = 'reasoning' | 'text' | 'call';

/**
 * Reads an answer as it is generated: what of it is reasoning, text for the client, a call of a tool. Between two tokens, `place` says
 * where the answer is, for the grammar that holds there.
 */
export class AnswerReader {
  #form: AnswerForm;
  #text: AnswerText;
  #stops: StopScanner;
  #reasoning: ReasoningReader | undefined;
  #calls: CallReader | undefined;
  #reasoningTokens = 0;
  /** Text that may be the beginning of a call. */
  #held = '';
  #isAtStart = true;

  constructor(form: AnswerForm) {
    this.#form = form;
    this.#text = new AnswerText({ trimSpace: form.trimSpace });
    this.#stops = new StopScanner(form.stop);
    const breaks = form.calls && !form.calls.form.isOnlyAtStart && !form.calls.isForced ? [form.calls.form.trigger] : [];
    this.#reasoning = form.reasoning && new ReasoningReader({ ...form.reasoning, breaks });
    if (form.calls?.isForced && !this.#reasoning?.isOpen) this.#enterCall(form.calls.form.before);
  }

  get place(): Place {
    if (this.#calls) return 'call';
    return this.#reasoning?.isOpen ? 'reasoning' : 'text';
  }

  get reasoningTokens(): number {
    return this.#reasoningTokens;
  }

  /** True when the answer has a whole call. */
  get hasCalled(): boolean {
    return (this.#calls?.calls ?? 0) > 0;
  }

  /** @param bytes of the next token */
  push(bytes: Uint8Array): Read {
    const token = this.#text.push(bytes);
    if (this.#calls) return { events: this.#calls.push(token) };
    if (!this.#reasoning) return this.#readText(token, token);
    const wasOpen = this.#reasoning.isOpen;
    if (wasOpen) this.#reasoningTokens++;
    const { events, text } = separated(this.#reasoning.push(token));
    const read = wasOpen ? this.#afterReasoning(token, events) : undefined;
    if (read) return read;
    const rest = this.#readText(text, token);
    return { ...rest, events: [...events, ...rest.events] };
  }

  /** The end of an answer without a stop string. */
  end(): AnswerEvent[] {
    if (this.#calls) {
      this.#calls.end();
      return [];
    }
    const { events, text: rest } = separated(this.#reasoning?.end() ?? []);
    const { text, stop } = this.#stops.push(this.#held + rest);
    this.#held = '';
    return [...events, ...textEvents(text), ...(stop === undefined ? textEvents(this.#stops.flush()) : [])];
  }

  /** Reasoning ends because its budget is used up, because a call begins in it, or by itself before a forced call. */
  #afterReasoning(token: string, events: AnswerEvent[]): Read | undefined {
    const { reasoning, calls } = this.#form;
    if (!reasoning || !this.#reasoning) return undefined;
    if (this.#reasoning.isOpen) {
      if (reasoning.budget === undefined || this.#reasoningTokens < reasoning.budget) return undefined;
      const rest = this.#reasoning.close().map((piece): AnswerEvent => ({ kind: 'reasoning', text: piece.text }));
      const forced = calls?.isForced ? calls.form.before : '';
      if (forced !== '') this.#enterCall(forced);
      return { events: [...events, ...rest], replacement: `${token}\n${reasoning.close.trim()}\n\n${forced}` };
    }
    if (!calls?.isForced) return undefined;
    this.#enterCall(calls.form.before);
    const closed = token.slice(0, token.length - this.#reasoning.surplus);
    return { events, replacement: `${closed}\n\n${calls.form.before}` };
  }

  #enterCall(begun: string): void {
    const { calls } = this.#form;
    if (!calls) return;
    this.#calls = new CallReader(calls.form);
    this.#calls.push(begun);
  }

  /** Text of the answer, up to the beginning of a call. */
  #readText(text: string, token: string): Read {
    const { calls } = this.#form;
    if (!calls) return this.#shown(text);
    const seen = this.#held + text;
    const { trigger, isOnlyAtStart } = calls.form;
    const start = isOnlyAtStart
      ? seen.trimStart().startsWith(trigger) && this.#isAtStart
        ? seen.indexOf(trigger)
        : -1
      : seen.indexOf(trigger);
    if (start >= 0) {
      this.#held = '';
      const before = this.#shown(seen.slice(0, start).trimEnd());
      if (before.stop !== undefined) return before;
      this.#enterCall(trigger);
      const surplus = seen.length - start - trigger.length;
      if (calls.isSteered) {
        const called = this.#calls?.push(seen.slice(start + trigger.length)) ?? [];
        return { events: [...before.events, ...this.#flushed(), ...called] };
      }
      return { events: [...before.events, ...this.#flushed()], ...(surplus > 0 && { replacement: token.slice(0, -surplus) }) };
    }
    // White space before a call is not text of the answer.
    const shown = seen.slice(0, seen.length - this.#heldBack(seen, calls.form)).trimEnd();
    this.#held = seen.slice(shown.length);
    if (shown.trim() !== '') this.#isAtStart = false;
    return this.#shown(shown);
  }

  /** How much of the end may begin a call. */
  #heldBack(seen: string, { trigger, isOnlyAtStart }: CallForm): number {
    if (!isOnlyAtStart) return beginningHeldBack(seen, [trigger]);
    return this.#isAtStart && trigger.startsWith(seen.trimStart()) ? seen.length : 0;
  }

  #shown(text: string): Read {
    const { text: shown, stop } = this.#stops.push(text);
    return { events: textEvents(shown), ...(stop !== undefined && { stop }) };
  }

  #flushed(): AnswerEvent[] {
    return textEvents(this.#stops.flush());
  }
}

/** The reasoning as events, and the text behind it. */
function separated(pieces: readonly ReadPiece[]): { events: AnswerEvent[]; text: string } {
  const events = pieces.flatMap(({ kind, text }) => (kind === 'reasoning' ? { kind, text } : []));
  const text = pieces.flatMap((piece) => (piece.kind === 'text' ? piece.text : [])).join('');
  return { events, text };
}

function textEvents(text: string): AnswerEvent[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}
