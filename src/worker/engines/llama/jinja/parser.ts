import { ExpressionParser } from './expressions.ts';
import { tokensOf } from './lexer.ts';
import { BLOCK_TEXT, type Expression, type Parameter, type Statement, type Target } from './syntax.ts';

/**
 * Parses a template. The statements that load other templates (`include`, `extends`, `import`) are not known: there are none to load.
 *
 * @throws TemplateError
 */
export function parse(template: string): Statement[] {
  return new Parser(tokensOf(template)).template();
}

class Parser extends ExpressionParser {
  template(): Statement[] {
    const body = this.#body([]);
    if (!this.is('eof')) throw this.fault('unexpected end of a block');
    return body;
  }

  /** The statements up to a tag with one of these names; that tag is left open, with its name as the current token. */
  #body(ends: string[]): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      if (this.is('data')) body.push({ kind: 'text', text: this.next().value });
      else if (this.is('output')) body.push(this.#output());
      else if (this.is('statement')) {
        this.next();
        if (this.is('name', ...ends) && ends.length > 0) return body;
        body.push(this.#statement());
        this.expect('end');
      } else if (this.is('eof') && ends.length === 0) return body;
      else throw this.fault(`expected ${ends.map((end) => `'${end}'`).join(' or ')}`);
    }
  }

  /** The statements up to the end of a block, of which the name is taken. */
  #block(end: string): Statement[] {
    this.expect('end');
    const body = this.#body([end]);
    this.next();
    return body;
  }

  #output(): Statement {
    this.next();
    const value = this.tuple();
    this.expect('end');
    return { kind: 'output', value };
  }

  #statement(): Statement {
    const name = this.expect('name').value;
    switch (name) {
      case 'if':
        return this.#if();
      case 'for':
        return this.#for();
      case 'set':
        return this.#set();
      case 'macro':
        return { kind: 'macro', name: this.expect('name').value, params: this.#parameters(), body: this.#block('endmacro') };
      case 'call':
        return this.#call();
      case 'filter':
        return { kind: 'filter', filter: this.filters(blockText, true), body: this.#block('endfilter') };
      case 'with':
        return this.#with();
      // Marks what an assistant wrote, for training.
      case 'generation':
        return { kind: 'scope', values: [], body: this.#block('endgeneration') };
      case 'autoescape':
        this.expression();
        return { kind: 'scope', values: [], body: this.#block('endautoescape') };
      case 'print':
        return { kind: 'output', value: this.tuple() };
      case 'break':
      case 'continue':
        return { kind: name };
      default:
        throw this.fault(`Encountered unknown tag '${name}'`);
    }
  }

  #if(): Statement {
    const test = this.tuple(() => this.plain());
    this.expect('end');
    const then = this.#body(['elif', 'else', 'endif']);
    if (this.skip('name', 'elif')) return { kind: 'if', test, then, otherwise: [this.#if()] };
    if (this.skip('name', 'else')) return { kind: 'if', test, then, otherwise: this.#block('endif') };
    this.next();
    return { kind: 'if', test, then, otherwise: [] };
  }

  #for(): Statement {
    const target = this.#target();
    this.expect('name', 'in');
    const of = this.tuple(() => this.plain());
    const test = this.skip('name', 'if') ? this.expression() : undefined;
    const isRecursive = this.skip('name', 'recursive');
    this.expect('end');
    const body = this.#body(['else', 'endfor']);
    const otherwise = this.skip('name', 'else') ? this.#block('endfor') : (this.next(), []);
    return { kind: 'for', target, of, test, isRecursive, body, otherwise };
  }

  #set(): Statement {
    const target = this.#target();
    if (this.skip('operator', '=')) return { kind: 'set', target, value: this.tuple() };
    const filter = this.is('operator', '|') ? this.filters(blockText) : undefined;
    return { kind: 'capture', target, filter, body: this.#block('endset') };
  }

  #call(): Statement {
    const params = this.is('operator', '(') ? this.#parameters() : [];
    const call = this.expression();
    if (call.kind !== 'call') throw this.fault('expected call');
    return { kind: 'call', params, call, body: this.#block('endcall') };
  }

  #with(): Statement {
    const values: [Target, Expression][] = [];
    while (!this.is('end')) {
      if (values.length > 0) this.expect('operator', ',');
      const target = this.#target();
      this.expect('operator', '=');
      values.push([target, this.expression()]);
    }
    return { kind: 'scope', values, body: this.#block('endwith') };
  }

  #parameters(): Parameter[] {
    const params: Parameter[] = [];
    this.expect('operator', '(');
    while (!this.skip('operator', ')')) {
      if (params.length > 0) this.expect('operator', ',');
      if (this.skip('operator', ')')) break;
      const { value: name } = this.expect('name');
      const otherwise = this.skip('operator', '=') ? this.expression() : undefined;
      if (!otherwise && params.at(-1)?.otherwise) throw this.fault('non-default argument follows default argument');
      params.push({ name, otherwise });
    }
    return params;
  }

  #target(): Target {
    const first = this.#oneTarget();
    if (!this.is('operator', ',')) return first;
    const items = [first];
    while (this.skip('operator', ',')) {
      if (this.is('name', 'in') || this.is('operator', '=')) break;
      items.push(this.#oneTarget());
    }
    return { kind: 'tuple', items };
  }

  #oneTarget(): Target {
    if (this.skip('operator', '(')) {
      const target = this.#target();
      this.expect('operator', ')');
      return target;
    }
    const name = this.expect('name').value;
    return this.skip('operator', '.') ? { kind: 'member', of: name, name: this.expect('name').value } : { kind: 'name', name };
  }
}

const blockText: Expression = { kind: 'name', name: BLOCK_TEXT };
