import { TemplateError } from './fault.ts';
import type { Token } from './lexer.ts';
import { integerOfLiteral } from './literals.ts';
import type { ArgumentList, Expression } from './syntax.ts';
import { Float } from './values.ts';

const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];
const CONSTANTS: ReadonlyMap<string, null | boolean> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

/** Parses expressions, by the grammar and the precedences of Jinja's own parser. */
export class ExpressionParser {
  #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  protected get current(): Token {
    return this.#tokens[this.#at] ?? { kind: 'eof', value: '', line: 0 };
  }

  protected next(): Token {
    const token = this.current;
    this.#at++;
    return token;
  }

  protected is(kind: Token['kind'], ...values: string[]): boolean {
    const { current } = this;
    return current.kind === kind && (values.length === 0 || values.includes(current.value));
  }

  /** Takes the token if it is this one. */
  protected skip(kind: Token['kind'], value: string): boolean {
    if (!this.is(kind, value)) return false;
    this.#at++;
    return true;
  }

  protected expect(kind: Token['kind'], value?: string): Token {
    if (value === undefined ? this.is(kind) : this.is(kind, value)) return this.next();
    throw this.fault(`expected ${value === undefined ? kind : `'${value}'`}`);
  }

  protected fault(message: string): TemplateError {
    const { kind, value, line } = this.current;
    const found = value === '' ? kind : `'${value.slice(0, 40)}'`;
    return new TemplateError(`${message}, found ${found} (line ${String(line)})`);
  }

  expression(): Expression {
    let value = this.#or();
    while (this.skip('name', 'if')) {
      const test = this.#or();
      value = { kind: 'choice', test, then: value, otherwise: this.skip('name', 'else') ? this.expression() : undefined };
    }
    return value;
  }

  /** An expression, or several with commas in between. */
  protected tuple(item: () => Expression = () => this.expression()): Expression {
    const first = item();
    if (!this.is('operator', ',')) return first;
    const items = [first];
    while (this.skip('operator', ',')) {
      if (this.is('end') || this.is('operator', ')', '=')) break;
      items.push(item());
    }
    return { kind: 'tuple', items };
  }

  /** Without `if` and `else`: where a statement has an `if` of its own. */
  protected plain(): Expression {
    return this.#or();
  }

  #or(): Expression {
    let left = this.#and();
    while (this.skip('name', 'or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.skip('name', 'and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    return this.skip('name', 'not') ? { kind: 'unary', operator: 'not', of: this.#not() } : this.#comparison();
  }

  #comparison(): Expression {
    const first = this.#sum();
    const rest: [string, Expression][] = [];
    for (let operator = this.#comparator(); operator !== undefined; operator = this.#comparator())
      rest.push([operator, this.#sum()]);
    return rest.length === 0 ? first : { kind: 'compare', first, rest };
  }

  #comparator(): string | undefined {
    if (this.is('operator', ...COMPARISONS)) return this.next().value;
    if (this.skip('name', 'in')) return 'in';
    const [not, after] = this.#tokens.slice(this.#at, this.#at + 2);
    if (not?.kind !== 'name' || not.value !== 'not' || after?.kind !== 'name' || after.value !== 'in') return undefined;
    this.#at += 2;
    return 'not in';
  }

  #sum(): Expression {
    return this.#binary(['+', '-'], () => this.#concatenation());
  }

  #concatenation(): Expression {
    const first = this.#product();
    if (!this.is('operator', '~')) return first;
    const items = [first];
    while (this.skip('operator', '~')) items.push(this.#product());
    return { kind: 'concat', items };
  }

  #product(): Expression {
    return this.#binary(['*', '/', '//', '%'], () => this.#binary(['**'], () => this.#unary(true)));
  }

  #binary(operators: string[], operand: () => Expression): Expression {
    let left = operand();
    while (this.is('operator', ...operators)) left = { kind: 'binary', operator: this.next().value, left, right: operand() };
    return left;
  }

  #unary(withFilters: boolean): Expression {
    const sign = this.is('operator', '-', '+') ? (this.next().value as '-' | '+') : undefined;
    const value: Expression = sign ? { kind: 'unary', operator: sign, of: this.#unary(false) } : this.#postfix(this.#primary());
    return withFilters ? this.#filtered(value) : value;
  }

  #primary(): Expression {
    const { kind, value } = this.current;
    if (kind === 'operator') return this.#bracketed();
    const token = this.next();
    switch (kind) {
      case 'name': {
        const constant = CONSTANTS.get(value);
        return constant === undefined ? { kind: 'name', name: value } : { kind: 'constant', value: constant };
      }
      case 'string': {
        let text = value;
        while (this.is('string')) text += this.next().value;
        return { kind: 'constant', value: text };
      }
      case 'integer':
        return { kind: 'constant', value: integerOfLiteral(value) };
      case 'float':
        return { kind: 'constant', value: new Float(Number(value.replaceAll('_', ''))) };
      default:
        throw new TemplateError(`unexpected ${token.value === '' ? kind : `'${token.value}'`} (line ${String(token.line)})`);
    }
  }

  #bracketed(): Expression {
    if (this.skip('operator', '(')) {
      if (this.skip('operator', ')')) return { kind: 'tuple', items: [] };
      const value = this.tuple();
      this.expect('operator', ')');
      return value;
    }
    if (this.skip('operator', '[')) return { kind: 'list', items: this.#until(']', () => this.expression()) };
    if (this.skip('operator', '{')) return { kind: 'dict', entries: this.#until('}', () => this.#entry()) };
    throw this.fault('expected an expression');
  }

  #entry(): [Expression, Expression] {
    const key = this.expression();
    this.expect('operator', ':');
    return [key, this.expression()];
  }

  #until<Item>(closing: string, item: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.skip('operator', closing)) {
      if (items.length > 0) this.expect('operator', ',');
      if (this.skip('operator', closing)) break;
      items.push(item());
    }
    return items;
  }

  #postfix(start: Expression): Expression {
    let of = start;
    for (;;) {
      if (this.skip('operator', '.')) of = this.#member(of);
      else if (this.skip('operator', '[')) of = this.#subscript(of);
      else if (this.is('operator', '(')) of = { kind: 'call', of, args: this.callArguments() };
      else return of;
    }
  }

  #member(of: Expression): Expression {
    if (this.is('integer')) return { kind: 'item', of, index: { kind: 'constant', value: integerOfLiteral(this.next().value) } };
    return { kind: 'attribute', of, name: this.expect('name').value };
  }

  #subscript(of: Expression): Expression {
    const bounds: (Expression | undefined)[] = [undefined];
    while (!this.is('operator', ']')) {
      if (this.skip('operator', ':')) bounds.push(undefined);
      else bounds[bounds.length - 1] = this.tuple();
      if (this.is('end')) break;
    }
    this.expect('operator', ']');
    const [index] = bounds;
    if (bounds.length > 1) return { kind: 'slice', of, bounds };
    if (index === undefined) throw this.fault('expected subscript expression');
    return { kind: 'item', of, index };
  }

  protected callArguments(): ArgumentList {
    const args: ArgumentList = { list: [], named: [] };
    this.expect('operator', '(');
    this.#until(')', () => this.#argument(args));
    return args;
  }

  #argument(args: ArgumentList): void {
    if (this.skip('operator', '**')) args.spreadNamed = this.expression();
    else if (this.skip('operator', '*')) args.spread = this.expression();
    else {
      const value = this.expression();
      if (value.kind === 'name' && this.skip('operator', '=')) args.named.push([value.name, this.expression()]);
      else if (args.named.length > 0) throw this.fault('invalid syntax for function call expression');
      else args.list.push(value);
    }
  }

  #filtered(start: Expression): Expression {
    let of = start;
    for (;;) {
      if (this.is('operator', '|')) of = this.filters(of);
      else if (this.skip('name', 'is')) of = this.#test(of);
      else if (this.is('operator', '(')) of = { kind: 'call', of, args: this.callArguments() };
      else return of;
    }
  }

  /** The filters that are applied to a value; `isInline` where the first has no `|` before it. */
  protected filters(start: Expression, isInline = false): Expression {
    let of = start;
    for (let isFirst = isInline; isFirst || this.skip('operator', '|'); isFirst = false) {
      const name = this.#dotted();
      of = { kind: 'filter', of, name, args: this.is('operator', '(') ? this.callArguments() : { list: [], named: [] } };
    }
    return of;
  }

  #test(of: Expression): Expression {
    const isNegated = this.skip('name', 'not');
    const name = this.#dotted();
    const test: Expression = { kind: 'test', of, name, args: this.#testArguments() };
    return isNegated ? { kind: 'unary', operator: 'not', of: test } : test;
  }

  /** In parentheses, or one value without. */
  #testArguments(): ArgumentList {
    if (this.is('operator', '(')) return this.callArguments();
    const isValue =
      this.is('name') || this.is('string') || this.is('integer') || this.is('float') || this.is('operator', '[', '{');
    if (!isValue || this.is('name', 'else', 'or', 'and', 'if', 'not', 'in')) return { list: [], named: [] };
    if (this.is('name', 'is')) throw this.fault('You cannot chain multiple tests with is');
    return { list: [this.#postfix(this.#primary())], named: [] };
  }

  #dotted(): string {
    let name = this.expect('name').value;
    while (this.skip('operator', '.')) name += `.${this.expect('name').value}`;
    return name;
  }
}
