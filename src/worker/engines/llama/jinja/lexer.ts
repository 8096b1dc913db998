import { TemplateError } from './fault.ts';
import { textOfLiteral } from './literals.ts';

/**
 * `data` is text outside of tags. `statement` and `output` open `{%` and `{{`, and `end` closes either. An operator's value is its text.
 */
export interface Token {
  kind: 'data' | 'statement' | 'output' | 'end' | 'name' | 'string' | 'integer' | 'float' | 'operator' | 'eof';
  value: string;
  line: number;
}

const TAG = /\{(?:([%#])([-+]?)|\{(-?))/g;
const RAW = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const END_RAW = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;
const COMMENT_END = /([-+]?)#\}/g;
const STATEMENT_END = /\+%\}|-%\}\s*|%\}\n?/y;
const OUTPUT_END = /-\}\}\s*|\}\}/y;

/** In the order in which they are tried. */
const INNER: [Token['kind'], RegExp][] = [
  ['float', /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y],
  ['integer', /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y],
  ['name', /[\p{L}\p{M}\p{N}_]+/uy],
  ['string', /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy],
  ['operator', /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y],
];
const CLOSING: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

/**
 * Cuts a template into tokens, as Jinja does with `trim_blocks` and `lstrip_blocks`: a newline after a statement or comment belongs to
 * it, and so does the white space before it if there is nothing else on its line; `-` and `+` beside a tag overrule this.
 *
 * @throws TemplateError
 */
export function tokensOf(template: string): Token[] {
  const text = template.replace(/\r\n?/g, '\n').replace(/\n$/, '');
  return [...new Lexer(text).tokens()];
}

class Lexer {
  #text: string;
  #at = 0;
  /** Where the number of the line was counted last. */
  #counted = { at: 0, line: 1 };

  constructor(text: string) {
    this.#text = text;
  }

  *tokens(): Generator<Token, void, void> {
    for (let tag = this.#nextTag(); tag; tag = this.#nextTag()) {
      yield* this.#data(tag);
      if (tag[1] === '#') this.#skipComment();
      else if (tag[1] === '%' && this.#skip(RAW, tag.index)) yield* this.#raw();
      else yield* this.#tag(tag[1] === '%' ? 'statement' : 'output');
    }
    if (this.#at < this.#text.length) yield this.#token('data', this.#text.slice(this.#at));
    yield this.#token('eof', '');
  }

  #nextTag(): RegExpExecArray | null {
    TAG.lastIndex = this.#at;
    return TAG.exec(this.#text);
  }

  /** The text before a tag, which may take white space of it. */
  *#data(tag: RegExpExecArray): Generator<Token, void, void> {
    const [whole, statement, sign = tag[3] ?? ''] = tag;
    const text = withoutMargin(this.#text.slice(this.#at, tag.index), {
      sign,
      isIndented: statement !== undefined,
      startsLine: this.#at === 0 || this.#text[this.#at - 1] === '\n',
    });
    if (text !== '') yield this.#token('data', text);
    this.#at = tag.index + whole.length;
  }

  #skipComment(): void {
    COMMENT_END.lastIndex = this.#at;
    const end = COMMENT_END.exec(this.#text);
    if (!end) throw this.#fault('Missing end of comment tag');
    this.#at = end.index + end[0].length;
    if (end[1] === '-') this.#skip(/\s*/y);
    else if (end[1] === '') this.#skip(/\n/y);
  }

  *#raw(): Generator<Token, void, void> {
    const from = this.#at;
    END_RAW.lastIndex = from;
    const end = END_RAW.exec(this.#text);
    if (!end) throw this.#fault('Missing end of raw directive');
    const margin = { sign: end[1] ?? '', isIndented: true, startsLine: this.#text[from - 1] === '\n' };
    const text = withoutMargin(this.#text.slice(from, end.index), margin);
    if (text !== '') yield this.#token('data', text);
    this.#at = end.index + end[0].length;
  }

  /** The tokens of a tag, after its opening and to its end. */
  *#tag(kind: 'statement' | 'output'): Generator<Token, void, void> {
    yield this.#token(kind, '');
    const end = kind === 'statement' ? STATEMENT_END : OUTPUT_END;
    /** What closes the brackets that are open: the `}}` of two dictionaries ends no tag. */
    const open: string[] = [];
    for (;;) {
      this.#skip(/\s+/y);
      if (open.length === 0 && this.#skip(end)) return void (yield this.#token('end', ''));
      const token = this.#inner();
      const closing = token.kind === 'operator' ? CLOSING[token.value] : undefined;
      if (closing !== undefined) open.push(closing);
      else if (token.kind === 'operator' && ')]}'.includes(token.value) && open.pop() !== token.value)
        throw this.#fault(`unexpected '${token.value}'`);
      yield token;
    }
  }

  #inner(): Token {
    for (const [kind, pattern] of INNER) {
      pattern.lastIndex = this.#at;
      const [text] = pattern.exec(this.#text) ?? [];
      if (text === undefined) continue;
      const token = this.#token(kind, kind === 'string' ? textOfLiteral(text) : text);
      this.#at += text.length;
      return token;
    }
    if (this.#at >= this.#text.length) throw this.#fault('unexpected end of template');
    throw this.#fault(`unexpected char '${this.#text[this.#at] ?? ''}'`);
  }

  #skip(pattern: RegExp, from = this.#at): boolean {
    pattern.lastIndex = from;
    const [text] = pattern.exec(this.#text) ?? [];
    if (text === undefined) return false;
    this.#at = from + text.length;
    return true;
  }

  #token(kind: Token['kind'], value: string): Token {
    return { kind, value, line: this.#line() };
  }

  #line(): number {
    for (; this.#counted.at < this.#at; this.#counted.at++) {
      if (this.#text[this.#counted.at] === '\n') this.#counted.line++;
    }
    return this.#counted.line;
  }

  #fault(message: string): TemplateError {
    return new TemplateError(`${message} (line ${String(this.#line())})`);
  }
}

/** Text before a tag, without the white space that belongs to the tag. */
function withoutMargin(text: string, tag: { sign: string; isIndented: boolean; startsLine: boolean }): string {
  if (tag.sign === '-') return text.trimEnd();
  if (tag.sign === '+' || !tag.isIndented) return text;
  const line = text.lastIndexOf('\n') + 1;
  return (line > 0 || tag.startsLine) && text.slice(line).trim() === '' ? text.slice(0, line) : text;
}
