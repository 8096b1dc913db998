import type { AnswerEvent } from '../engine.ts';
import type { Read, ReadsAnswer } from './answer-reader.ts';
import { AnswerText } from './answer-text.ts';
import { JsonArguments } from './calls/arguments-reader.ts';
import { callId } from './calls/call-reader.ts';
import type { ChannelForm } from './calls/channels.ts';
import { StopScanner, beginningHeldBack } from './stop-scanner.ts';

export interface ChannelAnswer {
  form: ChannelForm;
  stop: readonly string[];
  trimSpace: boolean;
  /** Where in a message the prompt ends. */
  startsIn: 'header' | 'reasoning' | 'text';
  budget?: number | undefined;
  /** Whether the model may or has to call tools. */
  calls?: { isForced: boolean } | undefined;
  /** Only text of the last channel is the answer: it has to match a schema. */
  isFinalOnly: boolean;
}

type State = 'header' | 'reasoning' | 'text' | 'call header' | 'arguments' | 'called';

/** No header is longer. What is longer, or begins otherwise, is text without one. */
const LONGEST_HEADER = 300;

/** Reads answers that are messages in channels. The marks between them are never part of a text. */
export class ChannelReader implements ReadsAnswer {
  #answer: ChannelAnswer;
  #form: ChannelForm;
  #text: AnswerText;
  #stops: StopScanner;
  #state: State;
  #held = '';
  #arguments = new JsonArguments();
  #calls = 0;
  #reasoningTokens = 0;
  #isOverBudget = false;
  #stop: string | undefined;

  constructor(answer: ChannelAnswer) {
    this.#answer = answer;
    this.#form = answer.form;
    this.#text = new AnswerText({ trimSpace: answer.trimSpace });
    this.#stops = new StopScanner(answer.stop);
    this.#state = answer.calls?.isForced && answer.startsIn === 'header' ? 'call header' : answer.startsIn;
  }

  get place(): ReadsAnswer['place'] {
    if (this.#state === 'header' || this.#state === 'reasoning' || this.#state === 'text') return this.#state;
    return 'call';
  }

  get reasoningTokens(): number {
    return this.#reasoningTokens;
  }

  get hasCalled(): boolean {
    return this.#calls > 0;
  }

  push(bytes: Uint8Array): Read {
    const token = this.#text.push(bytes);
    const wasOpen = this.#state === 'reasoning';
    if (wasOpen) this.#reasoningTokens++;
    const wasCalling = this.place === 'call';
    this.#held += token;
    const events = this.#readAll();
    const replacement =
      (wasOpen ? this.#afterReasoning(token, events) : undefined) ?? (wasCalling ? undefined : this.#afterRecipient(token));
    return { events, ...(this.#stop !== undefined && { stop: this.#stop }), ...(replacement !== undefined && { replacement }) };
  }

  continued(): Read | undefined {
    const { calls, isFinalOnly } = this.#answer;
    if (this.#state !== 'reasoning' || !(calls?.isForced || isFinalOnly)) return undefined;
    const events = this.#shown(this.#held);
    return { events, replacement: this.#closeReasoning('') };
  }

  end(): AnswerEvent[] {
    const events = this.#readAll();
    const isShown = this.#state === 'text' || this.#state === 'reasoning';
    const rest = isShown ? this.#shown(this.#held) : [];
    this.#held = '';
    return this.#stop === undefined ? [...events, ...rest, ...textEvents(this.#stops.flush())] : [...events, ...rest];
  }

  #readAll(): AnswerEvent[] {
    const events: AnswerEvent[] = [];
    for (let before = ''; before !== `${this.#state} ${String(this.#held.length)}` && this.#stop === undefined;) {
      before = `${this.#state} ${String(this.#held.length)}`;
      events.push(...this.#read());
    }
    return events;
  }

  #read(): AnswerEvent[] {
    switch (this.#state) {
      case 'header':
        return this.#header();
      case 'reasoning':
      case 'text':
        return this.#body();
      case 'call header':
        return this.#callHeader();
      case 'arguments':
        return this.#readArguments();
      case 'called':
        return this.#called();
    }
  }

  #header(): AnswerEvent[] {
    const { message, recipient, ends } = this.#form;
    const end = this.#held.indexOf(message);
    const header = end < 0 ? this.#held : this.#held.slice(0, end);
    const called = this.#answer.calls ? header.indexOf(recipient) : -1;
    if (called >= 0) {
      this.#take(called + recipient.length, 'call header');
      return [];
    }
    if (end >= 0) {
      this.#take(end + message.length, this.#isText(header) ? 'text' : 'reasoning');
      return [];
    }
    const [ended] = ends.filter((mark) => header.endsWith(mark));
    if (ended !== undefined) this.#held = '';
    else if (!this.#isHeader(header)) this.#state = 'text';
    return [];
  }

  #isText(header: string): boolean {
    const { channel, reasoning, text } = this.#form;
    const [name] = header.slice(header.lastIndexOf(channel) + channel.length).split(/[\s<]/);
    return name !== reasoning && (!this.#answer.isFinalOnly || name === text);
  }

  /** Whether a text is, or may become, a header. */
  #isHeader(text: string): boolean {
    const begun = text.trimStart();
    const { start, channel, message, type, ends } = this.#form;
    const beginnings = [start, start.slice(start.lastIndexOf('>') + 1), channel, message, type, 'to=', ...ends];
    return text.length <= LONGEST_HEADER && beginnings.some((one) => one.startsWith(begun) || begun.startsWith(one));
  }

  /** Up to one of the ends, or to the next message. */
  #body(): AnswerEvent[] {
    const { ends, start, channel } = this.#form;
    const marks = [...ends, start, channel];
    const found = marks.map((mark) => ({ mark, at: this.#held.indexOf(mark) })).filter(({ at }) => at >= 0);
    const [first] = found.sort((a, b) => a.at - b.at);
    const length = first?.at ?? this.#held.length - beginningHeldBack(this.#held, marks);
    const events = this.#shown(this.#held.slice(0, length));
    if (first) this.#take(length + (ends.includes(first.mark) ? first.mark.length : 0), 'header');
    else this.#held = this.#held.slice(length);
    return events;
  }

  #callHeader(): AnswerEvent[] {
    const { message } = this.#form;
    const end = this.#held.indexOf(message);
    if (end < 0) return [];
    const name = /^[^\s<]*/.exec(this.#held)?.[0] ?? '';
    this.#take(end + message.length, 'arguments');
    this.#arguments = new JsonArguments();
    return [{ kind: 'tool_call', index: this.#calls, id: callId(NO_IDS), name }];
  }

  #readArguments(): AnswerEvent[] {
    const { length, json, state } = this.#arguments.read(this.#held);
    const events: AnswerEvent[] = json === '' ? [] : [{ kind: 'tool_arguments', index: this.#calls, text: json }];
    this.#held = this.#held.slice(length);
    if (state === 'lost') this.#state = 'text';
    if (state !== 'whole') return events;
    this.#calls++;
    this.#state = 'called';
    return events;
  }

  #called(): AnswerEvent[] {
    const { ends, start } = this.#form;
    const rest = this.#held.trimStart();
    const end = ends.find((mark) => rest.startsWith(mark));
    if (end !== undefined || rest.startsWith(start)) {
      this.#held = rest.slice(end?.length ?? 0);
      this.#state = 'header';
    } else if (![...ends, start].some((mark) => mark.startsWith(rest))) this.#state = 'text';
    return [];
  }

  /** Reasoning ends by itself before a call that has to be made, or because its budget is used up. */
  #afterReasoning(token: string, events: AnswerEvent[]): string | undefined {
    const { form, calls, budget } = this.#answer;
    if (this.#state === 'reasoning') {
      if (budget === undefined || this.#reasoningTokens < budget) return undefined;
      events.push(...this.#shown(this.#held));
      return this.#closeReasoning(token);
    }
    if (!calls?.isForced || this.#state !== 'header') return undefined;
    this.#held = '';
    this.#state = 'call header';
    return `${token}${form.start}${form.call}`;
  }

  #closeReasoning(token: string): string {
    const { form, calls } = this.#answer;
    const [end = ''] = form.ends;
    // A model that reasons again has to answer.
    const next = calls?.isForced ? form.call : calls && !this.#isOverBudget ? '' : form.final;
    this.#isOverBudget = true;
    this.#held = '';
    this.#state = calls?.isForced ? 'call header' : next === '' ? 'header' : 'text';
    return `${token}${end}${form.start}${next}`;
  }

  /** The grammar holds from the end of the recipient's mark on: what a token has behind it is generated again. */
  #afterRecipient(token: string): string | undefined {
    if (this.#state !== 'call header' || this.#held === '') return undefined;
    const replacement = token.slice(0, token.length - this.#held.length);
    this.#held = '';
    return replacement;
  }

  #take(length: number, state: State): void {
    this.#held = this.#held.slice(length);
    this.#state = state;
  }

  #shown(text: string): AnswerEvent[] {
    if (text === '') return [];
    if (this.#state === 'reasoning') return [{ kind: 'reasoning', text }];
    const { text: shown, stop } = this.#stops.push(text);
    this.#stop = stop;
    return textEvents(shown);
  }
}

const NO_IDS = { before: '', infix: '', between: '', after: '' };

function textEvents(text: string): AnswerEvent[] {
  return text === '' ? [] : [{ kind: 'text', text }];
}
