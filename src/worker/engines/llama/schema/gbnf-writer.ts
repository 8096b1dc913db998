import type { Characters } from './characters.ts';
import { leavesOf } from './possible.ts';
import type { ArrayShape, Field, ObjectShape, Shape } from './shape.ts';

/** llama.cpp repeats a rule fewer than 2,000 times: longer texts and lists are written in blocks. */
const BLOCK = 1000;
/** More than any context has. */
const UNLIMITED = BLOCK * BLOCK;

const HEX = '[0-9a-fA-F]';
const LOW_HALF = `"\\\\u" [dD] [c-fC-F] ${HEX} ${HEX}`;

const PLAIN = String.raw`[^"\\\x00-\x1F\x7F-\x9F]`;
const ESCAPED = String.raw`(["\\/bfnrt] | "u" unit)`;

/** Rules that every grammar may use. No white space but one space after a colon or a comma: weak models write it endlessly. */
const COMMON: Record<string, string> = {
  colon: '":" " "?',
  comma: '"," " "?',
  boolean: '"true" | "false"',
  null: '"null"',
  integer: '"-"? ("0" | [1-9] [0-9]{0,14})',
  number: '"-"? ("0" | [1-9] [0-9]{0,14}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?',
  // Escapes of control characters and of half a surrogate pair are no text.
  character: `${PLAIN} | "\\\\" ${ESCAPED}`,
  unit: `"00" [2-7a-fA-F] ${HEX} | "0" [1-9a-fA-F] ${HEX} ${HEX} | [1-9a-cA-CefEF] ${HEX} ${HEX} ${HEX} | [dD] [0-7] ${HEX} ${HEX} | [dD] [89abAB] ${HEX} ${HEX} ${LOW_HALF}`,
  // Not `character*`, which is two rules deeper: llama.cpp goes through them again with each character of each token.
  text: '"\\"" characters',
  characters: `${PLAIN} characters | "\\"" | "\\\\" ${ESCAPED} characters`,
};

/** Writes shapes as rules of one grammar, in llama.cpp's GBNF. */
export class GbnfWriter {
  #rules = new Map<string, string>();
  #names = new Map<Shape, string>();
  #plainNames = new Map<Shape, string>();
  #todo: (() => void)[] = [];

  /** The name of the rule that a value of this shape matches. */
  rule(shape: Shape): string {
    if (shape.kind === 'boolean' || shape.kind === 'null' || shape.kind === 'integer' || shape.kind === 'number')
      return this.#common(shape.kind);
    const known = this.#names.get(shape);
    if (known !== undefined) return known;
    const name = `v${String(this.#names.size)}`;
    this.#names.set(shape, name);
    this.#todo.push(() => this.#write(name, shape));
    return name;
  }

  /** The name of the rule of a string's text itself, without quotation marks and escapes. */
  plainText(shape: Shape): string {
    const known = this.#plainNames.get(shape);
    if (known !== undefined) return known;
    const name = `p${String(this.#plainNames.size)}`;
    this.#plainNames.set(shape, name);
    if (shape.kind === 'automaton') this.#rules.set(name, this.#automaton(name, shape, ''));
    else {
      this.#rules.set('plain', '[^\\x00]');
      this.#rules.set(name, shape.kind === 'text' ? this.times('plain', shape.least, shape.most) : 'plain*');
    }
    return name;
  }

  /** Adds a rule of the caller's own. */
  add(name: string, body: string): void {
    this.#rules.set(name, body);
  }

  /** The grammar; an answer begins with the rule `root`. */
  grammar(): string {
    for (let work = this.#todo.pop(); work !== undefined; work = this.#todo.pop()) work();
    // The root first, and each rule before what it is made of: so llama.cpp looks for left recursion with the least work.
    const inner = [...this.#rules].filter(([name]) => name !== 'root').reverse();
    const all: [string, string][] = [['root', this.#rules.get('root') ?? ''], ...inner];
    return all.map(([name, body]) => `${name} ::= ${body}`).join('\n');
  }

  #write(name: string, shape: Shape): void {
    this.#rules.set(name, this.#bodyOf(name, shape));
  }

  #bodyOf(name: string, shape: Shape): string {
    switch (shape.kind) {
      case 'either':
        return leavesOf(shape)
          .map((leaf) => this.rule(leaf))
          .join(' | ');
      case 'fixed':
        return shape.values.map(quoted).join(' | ');
      case 'text':
        return this.#text(shape);
      case 'automaton':
        return this.#automaton(name, shape, shape.isNumber ? '' : '"\\""');
      case 'object':
        return this.#object(name, shape);
      case 'array':
        return this.#array(name, shape);
      default:
        return this.#common(shape.kind);
    }
  }

  #common(name: string): string {
    const body = COMMON[name] ?? '';
    if (!this.#rules.has(name)) {
      this.#rules.set(name, body);
      for (const other of Object.keys(COMMON))
        if (new RegExp(`\\b${other}\\b`).test(body.replaceAll(/"(?:\\.|[^"])*"/g, ''))) this.#common(other);
    }
    return name;
  }

  #text({ least, most }: { least: number; most: number }): string {
    if (least === 0 && most >= UNLIMITED) return this.#common('text');
    return `"\\"" ${this.times(this.#common('character'), least, most)} "\\""`;
  }

  /** So many of a rule, one after the other. */
  times(rule: string, least: number, most: number): string {
    const block = `${rule}-${String(BLOCK)}`;
    const parts: string[] = [];
    const add = (part: string, count: string) => {
      if (part === block) this.#rules.set(block, `${rule}{${String(BLOCK)}}`);
      parts.push(`${part}${count}`);
    };
    const [blocks, rest] = [Math.floor(least / BLOCK), least % BLOCK];
    if (blocks > 0) add(block, `{${String(blocks)}}`);
    if (rest > 0) add(rule, `{${String(rest)}}`);
    const more = most - least;
    if (more >= UNLIMITED) add(rule, '*');
    else if (more > BLOCK) {
      add(block, `{0,${String(Math.floor(more / BLOCK) - 1)}}`);
      add(rule, `{0,${String(BLOCK)}}`);
    } else if (more > 0) add(rule, `{0,${String(more)}}`);
    return parts.join(' ');
  }

  /** @param quote what is around the text */
  #automaton(name: string, { states, isNumber }: Extract<Shape, { kind: 'automaton' }>, quote: string): string {
    const nameOf = (state: number) => `${name}-${String(state)}`;
    const isJson = quote !== '' || isNumber;
    for (const [index, state] of states.entries()) {
      const steps = state.steps.flatMap(({ set, to }) =>
        (isJson || set.length === 0 ? classesOf(set) : [classOf(set)]).map((characters) => `${characters} ${nameOf(to)}`),
      );
      this.#rules.set(nameOf(index), [...steps, ...(state.isEnd ? [quote === '' ? '""' : quote] : [])].join(' | '));
    }
    return `${quote} ${nameOf(0)}`.trimStart();
  }

  /**
   * `first` rules write what may come first, `next` rules what may follow a field: with each field, both name the rule for the rest, so
   * that an object of many optional fields takes as many rules and not as many as there are combinations.
   */
  #object(name: string, { fields, entries }: ObjectShape): string {
    const rest = { first: '', next: '' };
    if (entries) {
      const key = entries.names ? this.rule(entries.names) : this.#common('text');
      const entry = `${name}-e`;
      const another = `${name}-n`;
      this.#rules.set(entry, `${key} ${this.#common('colon')} ${this.rule(entries.value)}`);
      this.#rules.set(another, `${this.#common('comma')} ${entry}`);
      const { least, most } = entries;
      if (most > 0) {
        rest.next = this.times(another, least, most);
        const all = `${entry} ${this.times(another, Math.max(0, least - 1), most - 1)}`.trimEnd();
        rest.first = least > 0 ? all : `(${all})?`;
      }
    }
    for (const [index, field] of [...fields.entries()].reverse()) {
      const written = this.#field(field);
      const another = `${this.#common('comma')} ${written}`;
      const next = `${name}-${String(index)}n`;
      this.#rules.set(next, `${field.isRequired ? another : `(${another})?`} ${rest.next}`.trimEnd());
      rest.first = field.isRequired
        ? `${written} ${rest.next}`.trimEnd()
        : this.#firstOf(`${name}-${String(index)}f`, written, rest);
      rest.next = next;
    }
    return `"{" ${rest.first} "}"`;
  }

  #field({ name, value }: Field): string {
    return `${quoted(JSON.stringify(name))} ${this.#common('colon')} ${this.rule(value)}`;
  }

  #firstOf(name: string, written: string, rest: { first: string; next: string }): string {
    const begun = `${written} ${rest.next}`.trimEnd();
    // An empty alternative at the end of a line would continue on the next.
    this.#rules.set(name, rest.first === '' ? `(${begun})?` : `${begun} | ${rest.first}`);
    return name;
  }

  #array(name: string, { first, rest, least, most }: ArrayShape): string {
    const items = first.map((item) => this.rule(item)).join(` ${this.#common('comma')} `);
    if (!rest || most <= 0) return `"[" ${items} "]"`;
    const item = this.rule(rest);
    const another = `${name}-n`;
    this.#rules.set(another, `${this.#common('comma')} ${item}`);
    if (items !== '') return `"[" ${items} ${this.times(another, least, most)} "]"`;
    const all = `${item} ${this.times(another, Math.max(0, least - 1), most - 1)}`;
    return `"[" ${least > 0 ? all : `(${all})?`} "]"`;
  }
}

/** A text as a literal of the grammar. */
export function quoted(text: string): string {
  return `"${text
    .replaceAll(/[\\"]/g, String.raw`\$&`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)}"`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [9, quoted(String.raw`\t`)],
  [10, quoted(String.raw`\n`)],
  [0x22, quoted(String.raw`\"`)],
  [0x5c, quoted(String.raw`\\`)],
]);

/** Characters of a JSON string: one class, and the escapes of those that need one. */
function classesOf(set: Characters): string[] {
  const plain: string[] = [];
  const escaped: string[] = [];
  for (const [first, last] of set) {
    let start = first;
    for (const [character, escape] of ESCAPES) {
      if (character < start || character > last) continue;
      escaped.push(escape);
      if (character > start) plain.push(range(start, character - 1));
      start = character + 1;
    }
    if (start <= last) plain.push(range(start, last));
  }
  return [...(plain.length > 0 ? [`[${plain.join('')}]`] : []), ...escaped];
}

function classOf(set: Characters): string {
  return `[${set.map(([first, last]) => range(first, last)).join('')}]`;
}

function range(first: number, last: number): string {
  return first === last ? code(first) : `${code(first)}-${code(last)}`;
}

function code(character: number): string {
  const text = String.fromCodePoint(character);
  if (/[0-9A-Za-z]/.test(text)) return text;
  return character > 0xffff ? `\\U${character.toString(16).padStart(8, '0')}` : `\\u${character.toString(16).padStart(4, '0')}`;
}
