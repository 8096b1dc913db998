import { beginningHeldBack } from '../stop-scanner.ts';
import { jsonTypeOf, type JsonTypes } from './argument-types.ts';
import type { ArgumentsReader, ReadArguments } from './arguments-reader.ts';
import type { ParameterForm } from './call-form.ts';
import { findForm, formLength } from './form-text.ts';
import { JsonText } from './json-text.ts';

/** How some templates, and the models that were trained with them, write what is no string. */
const PYTHON = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
]);

/** How a value is given on: the characters of a string and the text of a list or an object as they come, all else when it is whole. */
type ValueKind = 'string' | 'json' | 'whole';

interface ParametersOptions {
  form: ParameterForm;
  /** What may be behind the arguments. */
  ends: readonly string[];
  typesOf(key: string): JsonTypes;
}

/**
 * Reads arguments that are written one by one. Whether a value is a string says the mark before it where the form has one for strings, and
 * otherwise the schema; where that allows both, what is valid JSON of an allowed type is no string.
 */
export class ParametersReader implements ArgumentsReader {
  #options: ParametersOptions;
  #place: 'between' | 'key' | 'value' | 'end of value' = 'between';
  #count = 0;
  #types: JsonTypes = new Set();
  #kind: ValueKind | undefined;
  #json = new JsonText();

  constructor(options: ParametersOptions) {
    this.#options = options;
  }

  read(text: string): ReadArguments {
    const made: ReadArguments = { length: 0, json: '', state: 'begun' };
    for (let place: string | undefined, length = -1; place !== this.#place || length !== made.length;) {
      [place, length] = [this.#place, made.length];
      const step = this.#step(text.slice(made.length));
      made.length += step.length;
      made.json += step.json;
      if (step.state !== 'begun') return { ...made, state: step.state };
    }
    return made;
  }

  #step(text: string): ReadArguments {
    switch (this.#place) {
      case 'between':
        return this.#between(text);
      case 'key':
        return this.#key(text);
      case 'value':
        return this.#value(text);
      case 'end of value':
        return this.#endOfValue(text);
    }
  }

  /** Another argument, or what is behind the last one. */
  #between(text: string): ReadArguments {
    const { form, ends } = this.#options;
    const space = text.length - text.trimStart().length;
    // Some templates write a line break more where there are no arguments.
    if (space > 0 && [form.open, ...ends].every((one) => formLength(one, text) === 'none')) return begun(space);
    const open = formLength(form.open, text);
    if (typeof open === 'number') {
      this.#place = 'key';
      return begun(open);
    }
    const found = ends.map((end) => formLength(end, text));
    if (open === 'begun' || (text === '' && ends.length > 0)) return begun(0);
    const close = this.#count === 0 ? '{}' : '}';
    if (found.some((length) => length !== 'none')) return { length: 0, json: close, state: 'whole' };
    return { length: 0, json: close, state: 'lost' };
  }

  #key(text: string): ReadArguments {
    const { middle } = this.#options.form;
    const found = findForm([middle.string, middle.other], text);
    if (found === undefined || found.length === 'begun') return begun(0);
    const key = text.slice(0, found.at);
    this.#types = this.#options.typesOf(key);
    this.#place = 'value';
    this.#json = new JsonText();
    this.#kind = middle.string === middle.other ? kindOf(this.#types) : found.which === 0 ? 'string' : 'json';
    const json = `${this.#count++ === 0 ? '{' : ','}${JSON.stringify(key)}:${this.#kind === 'string' ? '"' : ''}`;
    return { length: found.at + found.length, json, state: 'begun' };
  }

  #value(text: string): ReadArguments {
    if (this.#kind === 'json') return this.#jsonValue(text);
    const { close } = this.#options.form;
    const end = text.indexOf(close);
    const isString = this.#kind === 'string';
    if (end < 0) {
      const length = isString ? text.length - beginningHeldBack(text, [close]) : 0;
      return { length, json: isString ? inString(text.slice(0, length)) : '', state: 'begun' };
    }
    this.#place = 'between';
    const value = text.slice(0, end);
    return { length: end + close.length, json: isString ? `${inString(value)}"` : jsonOf(value, this.#types), state: 'begun' };
  }

  /** A list or an object is JSON, with quoted marks in it; anything else is read to the mark. */
  #jsonValue(text: string): ReadArguments {
    if (text.trimStart() === '') return begun(0);
    if (!/^\s*[[{]/.test(text) && !this.#json.hasBegun) {
      this.#kind = 'whole';
      return this.#value(text);
    }
    const { length, isWhole } = this.#json.read(text);
    if (isWhole) this.#place = 'end of value';
    return { length, json: text.slice(0, length), state: 'begun' };
  }

  #endOfValue(text: string): ReadArguments {
    const { close } = this.#options.form;
    const end = text.indexOf(close);
    if (end >= 0 && text.slice(0, end).trim() === '') {
      this.#place = 'between';
      return begun(end + close.length);
    }
    const isPossible = close.startsWith(text) || close.trimStart().startsWith(text.trimStart());
    return isPossible ? begun(0) : { length: 0, json: '}', state: 'lost' };
  }
}

function begun(length: number): ReadArguments {
  return { length, json: '', state: 'begun' };
}

function kindOf(types: JsonTypes): ValueKind {
  if (!types.has('string')) return 'json';
  return types.size === 1 ? 'string' : 'whole';
}

function inString(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** The JSON of a value that is written as it is, when it is a string. */
function jsonOf(written: string, types: JsonTypes): string {
  const json = PYTHON.get(written.trim()) ?? written.trim();
  try {
    const type = jsonTypeOf(JSON.parse(json));
    if (type !== 'string' && (types.has(type) || !types.has('string'))) return json;
  } catch {
    // No JSON, so it is a string, whatever the schema says: nothing of it is lost.
  }
  return JSON.stringify(written);
}
