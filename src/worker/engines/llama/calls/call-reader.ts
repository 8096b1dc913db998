import { randomInt } from 'node:crypto';
import { ID, type CallForm } from './call-form.ts';

export type CallEvent =
  { kind: 'tool_call'; index: number; id: string; name: string } | { kind: 'tool_arguments'; index: number; text: string };

/** Reads the calls in an answer that a grammar has kept to a form, as they are written. */
export class CallReader {
  #form: CallForm;
  #index = 0;
  #state: 'before' | 'name' | 'arguments' | 'after' | 'over' = 'before';
  #held = '';
  /** What is open in the arguments. */
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(form: CallForm) {
    this.#form = form;
  }

  /** How many whole calls there are by now. */
  get calls(): number {
    return this.#index;
  }

  /** True when what closes the form is written: no other call can follow it. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  push(text: string): CallEvent[] {
    const events: CallEvent[] = [];
    this.#held += text;
    for (let length = -1; length !== this.#held.length && !this.isOver;) {
      length = this.#held.length;
      events.push(...this.#read());
    }
    return events;
  }

  #read(): CallEvent[] {
    switch (this.#state) {
      case 'before':
        if (this.#takeLiteral(this.#form.before)) this.#state = 'name';
        return [];
      case 'name':
        return this.#name();
      case 'arguments':
        return this.#arguments();
      case 'after':
        this.#after();
        return [];
      case 'over':
        return [];
    }
  }

  #name(): CallEvent[] {
    const end = this.#held.indexOf(this.#form.infix);
    if (end < 0) return [];
    const name = nameIn(this.#held.slice(0, end));
    this.#held = this.#held.slice(end + this.#form.infix.length);
    this.#state = 'arguments';
    [this.#depth, this.#isInString, this.#isEscaped] = [0, false, false];
    return [{ kind: 'tool_call', index: this.#index, id: callId(this.#form), name }];
  }

  #arguments(): CallEvent[] {
    let end = 0;
    while (end < this.#held.length && !this.#isLastOfArguments(this.#held.charAt(end))) end++;
    const isComplete = end < this.#held.length;
    const text = this.#held.slice(0, isComplete ? end + 1 : end);
    this.#held = this.#held.slice(text.length);
    const { calls: index } = this;
    if (isComplete) {
      this.#state = 'after';
      this.#index++;
    }
    return text === '' ? [] : [{ kind: 'tool_arguments', index, text }];
  }

  #isLastOfArguments(character: string): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') this.#isInString = false;
      return false;
    }
    if (character === '"') this.#isInString = true;
    else if (character === '{' || character === '[') this.#depth++;
    else if (character === '}' || character === ']') return --this.#depth === 0;
    return false;
  }

  /** The form may begin alike between two calls and after the last: the longer one is awaited as long as it may come. */
  #after(): void {
    const { between, after } = this.#form;
    if (between !== '' && this.#takeLiteral(between)) this.#state = 'name';
    else if (!(between !== '' && canBegin(this.#held, between)) && this.#takeLiteral(after)) this.#state = 'over';
  }

  /** Takes a literal of the form, when all of it is there. */
  #takeLiteral(literal: string): boolean {
    const length = lengthOf(literal, this.#held);
    if (length === undefined) return false;
    this.#held = this.#held.slice(length);
    return true;
  }

  /** The end of the answer: whether what is held closes the form. */
  end(): void {
    if (this.#state === 'after' && lengthOf(this.#form.after, this.#held) !== undefined) this.#state = 'over';
  }
}

const ID_LENGTH = 9;

/** The length of a literal at the start of a text, with an id in the place of its mark; undefined when it is not there. */
function lengthOf(literal: string, text: string): number | undefined {
  let at = 0;
  for (const [index, part] of literal.split(ID).entries()) {
    if (index > 0) at += ID_LENGTH;
    if (!text.startsWith(part, at)) return undefined;
    at += part.length;
  }
  return at <= text.length ? at : undefined;
}

function canBegin(text: string, literal: string): boolean {
  let at = 0;
  for (const [index, part] of literal.split(ID).entries()) {
    if (index > 0) at += ID_LENGTH;
    const here = text.slice(at, at + part.length);
    if (!part.startsWith(here)) return false;
    at += part.length;
  }
  return text.length < at;
}

function nameIn(written: string): string {
  try {
    return String(JSON.parse(`"${written}"`));
  } catch {
    return written;
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Models that write ids, and the templates of their history, have nine letters or digits. */
function callId({ before, infix, between, after }: CallForm): string {
  const isShort = [before, infix, between, after].some((part) => part.includes(ID));
  const letters = Array.from({ length: isShort ? ID_LENGTH : 24 }, () => LETTERS.charAt(randomInt(LETTERS.length)));
  return `${isShort ? '' : 'call_'}${letters.join('')}`;
}
