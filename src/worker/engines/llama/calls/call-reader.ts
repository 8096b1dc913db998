import { randomInt } from 'node:crypto';
import type { JsonTypes } from './argument-types.ts';
import { JsonArguments, type ArgumentsReader } from './arguments-reader.ts';
import type { CallForm } from './call-form.ts';
import { findForm, formLength, ID, ID_LENGTH } from './form-text.ts';
import { ParametersReader } from './parameters-reader.ts';

export type CallEvent =
  | { kind: 'tool_call'; index: number; id: string; name: string }
  | { kind: 'tool_arguments'; index: number; text: string }
  /** What belongs to no call. */
  | { kind: 'text'; text: string };

/** What an argument of a tool may be. */
export type TypesOf = (tool: string, key: string) => JsonTypes;

/** Reads the calls in an answer, as they are written. What is not of the form is given as text. How the answer is split makes no difference. */
export class CallReader {
  #form: CallForm;
  #typesOf: TypesOf;
  #index = 0;
  #state: 'before' | 'name' | 'arguments' | 'after' | 'over' | 'lost' = 'before';
  #held = '';
  /** What of the model's own text began a call that has no name yet. */
  #unnamed = '';
  #arguments: ArgumentsReader = new JsonArguments();

  /** @param begun the beginning of the form, when it is part of the prompt */
  constructor(form: CallForm, typesOf: TypesOf, begun = '') {
    this.#form = form;
    this.#typesOf = typesOf;
    this.push(begun);
    this.#unnamed = '';
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
    if (this.#state !== 'arguments') this.#unnamed += text;
    for (let before = ''; before !== `${this.#state} ${String(this.#held.length)}`;) {
      before = `${this.#state} ${String(this.#held.length)}`;
      events.push(...this.#read());
    }
    return events;
  }

  /** The end of the answer. What has begun a call, and is none, is text. */
  end(): CallEvent[] {
    if (this.#state === 'after' && typeof formLength(this.#form.after, this.#held) === 'number') this.#state = 'over';
    if (this.#state !== 'before' && this.#state !== 'name') return [];
    return this.#lose(this.#unnamed);
  }

  #read(): CallEvent[] {
    switch (this.#state) {
      case 'before':
        return this.#before();
      case 'name':
        return this.#name();
      case 'arguments':
        return this.#readArguments();
      case 'after':
        return this.#after();
      case 'over':
        // White space may follow.
        return this.#held.trim() === '' ? [] : this.#lose(this.#held);
      case 'lost':
        return this.#lose(this.#held);
    }
  }

  #before(): CallEvent[] {
    const length = formLength(this.#form.before, this.#held);
    if (length === 'none') return this.#lose(this.#unnamed);
    if (length !== 'begun') this.#take(length, 'name');
    return [];
  }

  #name(): CallEvent[] {
    const { infix, between, after, parameters } = this.#form;
    // Without a text of its own, what may follow a name ends it.
    const ends = infix !== '' ? [infix] : [parameters?.open ?? '', between, after].filter((end) => end !== '');
    const found = findForm(ends, this.#held);
    if (found === undefined || found.length === 'begun') return [];
    const written = this.#held.slice(0, found.at);
    const name = parameters ? written.trim() : nameIn(written);
    this.#take(found.at + (infix !== '' ? found.length : 0), 'arguments');
    this.#unnamed = '';
    this.#arguments = parameters
      ? new ParametersReader({
          form: parameters,
          ends: [between, after].filter((end) => end !== ''),
          typesOf: (key) => this.#typesOf(name, key),
        })
      : new JsonArguments();
    return [{ kind: 'tool_call', index: this.#index, id: callId(this.#form), name }];
  }

  #readArguments(): CallEvent[] {
    const { length, json, state } = this.#arguments.read(this.#held);
    const { calls: index } = this;
    this.#held = this.#held.slice(length);
    const events: CallEvent[] = json === '' ? [] : [{ kind: 'tool_arguments', index, text: json }];
    if (state === 'begun') return events;
    this.#index++;
    this.#unnamed = this.#held;
    this.#state = 'after';
    return state === 'lost' ? [...events, ...this.#lose(this.#held)] : events;
  }

  /** The form may begin alike between two calls and after the last: the longer one is awaited as long as it may come. */
  #after(): CallEvent[] {
    const { between, after } = this.#form;
    const next = between === '' ? 'none' : formLength(between, this.#held);
    const last = formLength(after, this.#held);
    if (typeof next === 'number') this.#take(next, 'name');
    else if (next === 'begun' || last === 'begun') return [];
    else if (last === 'none') return this.#lose(this.#held);
    else {
      this.#take(last, 'over');
      this.#unnamed = '';
    }
    return [];
  }

  #take(length: number, state: 'name' | 'arguments' | 'over'): void {
    this.#held = this.#held.slice(length);
    this.#state = state;
  }

  #lose(text: string): CallEvent[] {
    this.#state = 'lost';
    this.#held = '';
    this.#unnamed = '';
    return text === '' ? [] : [{ kind: 'text', text }];
  }
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
export function callId({ before, infix, between, after }: Pick<CallForm, 'before' | 'infix' | 'between' | 'after'>): string {
  const isShort = [before, infix, between, after].some((part) => part.includes(ID));
  return isShort ? lettersOf(ID_LENGTH) : `call_${lettersOf(24)}`;
}

function lettersOf(count: number): string {
  return Array.from({ length: count }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
}
