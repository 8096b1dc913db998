import type { AnswerEvent } from '../engine.ts';
import { AnswerText } from './answer-text.ts';
import { CallReader, type TypesOf } from './calls/call-reader.ts';
import type { CallForm } from './calls/call-form.ts';
import { ReasoningReader, type ReadPiece, type ReasoningForm } from './reasoning-reader.ts';
import { StopScanner, beginningHeldBack } from './stop-scanner.ts';

export interface AnswerForm {
  stop: readonly string[];
  trimSpace: boolean;
  /**
   * A grammar holds for text too: no token can continue wrongly after the trigger of a call. Then a call without a mark of its own is
   * distinguished from JSON by all of its beginning.
   */
  isSteered?: boolean;
  /** Undefined for a model that does not reason. */
  reasoning?: ReasoningForm & { budget?: number | undefined };
  calls?: {
    form: CallForm;
    /** The answer is calls and nothing else; its prompt ends with the beginning of the form, unless it ends inside of reasoning. */
    isForced: boolean;
    /** What the arguments of the tools may be. */
    typesOf: TypesOf;
    /** The beginnings of calls up to the arguments, one for each tool. */
    beginnings: readonly string[];
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

/** `start` where nothing is written yet but white space, and the answer may begin with reasoning; `header` between the parts of an answer. */
type Place = 'start' | 'header' | 'reasoning' | 'text' | 'call';

/**
 * Reads an answer as it is generated: what of it is reasoning, text for the client, a call of a tool. Between two tokens, `place` says
 * where the answer is, for the grammar that holds there.
 */
export interface ReadsAnswer {
  readonly place: Place;
  readonly reasoningTokens: number;
  /** True when the answer has a whole call. */
  readonly hasCalled: boolean;
  /** @param bytes of the next token */
  push(bytes: Uint8Array): Read;
  /** The model ends its answer inside of its reasoning, although something has to follow: what it continues from. Otherwise undefined. */
  continued(): Read | undefined;
  /** The end of an answer without a stop string. */
  end(): AnswerEvent[];
}

/** Reads answers in which reasoning is between tags, and calls are between marks. */
export class AnswerReader implements ReadsAnswer {
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
    const { calls, isSteered = false } = form;
    const breaks = calls && !calls.form.isOnlyAtStart && !calls.isForced && !isSteered ? [calls.form.trigger] : [];
    this.#reasoning = form.reasoning && new ReasoningReader({ ...form.reasoning, breaks });
    if (calls?.isForced && !this.#reasoning?.isOpen) this.#enterCall();
  }

  get place(): Place {
    if (this.#calls) return 'call';
    if (this.#reasoning?.isOpen) return 'reasoning';
    return this.#reasoning?.isBefore ? 'start' : 'text';
  }

  get reasoningTokens(): number {
    return this.#reasoningTokens;
  }

  get hasCalled(): boolean {
    return (this.#calls?.calls ?? 0) > 0;
  }

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

  continued(): Read | undefined {
    const { reasoning, calls, isSteered = false } = this.#form;
    return reasoning && this.#reasoning?.isOpen && (calls?.isForced || isSteered) ? this.#closeReasoning('') : undefined;
  }

  end(): AnswerEvent[] {
    if (this.#calls) return this.#calls.end();
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
      const { events: rest, ...closed } = this.#closeReasoning(token);
      return { events: [...events, ...rest], ...closed };
    }
    const closed = token.slice(0, token.length - this.#reasoning.surplus);
    // The grammar of the text has not seen what the token has behind the tag.
    if (!calls?.isForced) return this.#form.isSteered && token.trimEnd() !== closed ? { events, replacement: closed } : undefined;
    this.#enterCall();
    return { events, replacement: `${closed}\n\n${calls.form.before}` };
  }

  /** The reasoning ends behind this token, without a tag of the model. */
  #closeReasoning(token: string): Read {
    const { reasoning, calls } = this.#form;
    const events = (this.#reasoning?.close() ?? []).map((piece): AnswerEvent => ({ kind: 'reasoning', text: piece.text }));
    const forced = calls?.isForced ? calls.form.before : '';
    if (calls?.isForced) this.#enterCall();
    return { events, replacement: `${token}\n${reasoning?.close.trim() ?? ''}\n\n${forced}` };
  }

  /** @param written of the call by the model itself; where it has to call, the beginning is part of its prompt */
  #enterCall(written?: string): AnswerEvent[] {
    const { calls } = this.#form;
    if (!calls) return [];
    this.#calls = new CallReader(calls.form, calls.typesOf, written === undefined ? calls.form.before : '');
    return this.#calls.push(written ?? '');
  }

  /** Text of the answer, up to the beginning of a call. */
  #readText(text: string, token: string): Read {
    const { calls } = this.#form;
    if (!calls) return this.#shown(text);
    const seen = this.#held + text;
    const { start, length, heldBack } = this.#search(seen, calls);
    if (start >= 0) {
      this.#held = '';
      const before = this.#shown(seen.slice(0, start).trimEnd());
      if (before.stop !== undefined) return before;
      const events = [...before.events, ...this.#flushed()];
      if (this.#form.isSteered) return { events: [...events, ...this.#enterCall(seen.slice(start))] };
      events.push(...this.#enterCall(seen.slice(start, start + length)));
      const surplus = seen.length - start - length;
      return { events, ...(surplus > 0 && { replacement: token.slice(0, -surplus) }) };
    }
    // White space before a call is not text of the answer.
    const shown = seen.slice(0, seen.length - heldBack).trimEnd();
    this.#held = seen.slice(shown.length);
    if (shown.trim() !== '') this.#isAtStart = false;
    return this.#shown(shown);
  }

  /** Where a call begins, with how much of it says so; else how much of the end may begin one. */
  #search(seen: string, { form, beginnings }: NonNullable<AnswerForm['calls']>): Found {
    const { trigger, isOnlyAtStart } = form;
    if (!isOnlyAtStart)
      return { start: seen.indexOf(trigger), length: trigger.length, heldBack: beginningHeldBack(seen, [trigger]) };
    const begun = seen.trimStart();
    if (!this.#isAtStart) return { start: -1, length: 0, heldBack: 0 };
    const triggers = this.#form.isSteered ? beginnings : [trigger];
    const found = triggers.find((one) => begun.startsWith(one));
    const isPossible = triggers.some((one) => one.startsWith(begun));
    return {
      start: found === undefined ? -1 : seen.length - begun.length,
      length: found?.length ?? 0,
      heldBack: isPossible ? seen.length : 0,
    };
  }

  #shown(text: string): Read {
    const { text: shown, stop } = this.#stops.push(text);
    return { events: textEvents(shown), ...(stop !== undefined && { stop }) };
  }

  #flushed(): AnswerEvent[] {
    return textEvents(this.#stops.flush());
  }
}

interface Found {
  start: number;
  length: number;
  heldBack: number;
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
