import { evaluate } from './evaluate.ts';
import { TemplateError } from './fault.ts';
import { globalsAt } from './globals.ts';
import { LoopState } from './loop.ts';
import { parse } from './parser.ts';
import { Scope } from './scope.ts';
import { BLOCK_TEXT, type ForStatement, type MacroStatement, type Parameter, type Statement, type Target } from './syntax.ts';
import { textOf } from './text.ts';
import { Callable, Members, Undefined, isTrue, iterate, tuple, valueOf, type Arguments, type Value } from './values.ts';

/** How a block ended: at its end, or at a `break` or `continue` of the loop around it. */
type Ending = 'end' | 'break' | 'continue';

/**
 * A chat template, and the texts that it makes: those of Python's Jinja 2 as the library transformers sets it up, with `trim_blocks`,
 * `lstrip_blocks`, loop controls, `generation` blocks and a `tojson` of its own. The corpus of fixtures compares them.
 */
export class Template {
  #body: Statement[];
  #now: () => Date;

  /** @throws TemplateError when it cannot be parsed */
  constructor(template: string, now: () => Date = () => new Date()) {
    this.#body = parse(template);
    this.#now = now;
  }

  /** @throws TemplateError the template's own, about these variables; or when the text has more characters than `longest` */
  render(variables: Record<string, unknown>, longest = Infinity): string {
    const scope = new Scope();
    for (const [name, value] of globalsAt(this.#now)) scope.set(name, value);
    for (const [name, value] of Object.entries(variables)) if (value !== undefined) scope.set(name, valueOf(value));
    const output = new Output(longest);
    run(this.#body, new Scope(scope), output);
    return output.text;
  }
}

class Output {
  text = '';
  readonly longest: number;

  constructor(longest: number) {
    this.longest = longest;
  }

  write(text: string): void {
    this.text += text;
    if (this.text.length > this.longest)
      throw new TemplateError(`it makes a text of more than ${String(this.longest)} characters of it`);
  }

  /** What a block writes, as a text. */
  captured(write: (output: Output) => void): string {
    const output = new Output(this.longest);
    write(output);
    return output.text;
  }
}

function run(body: readonly Statement[], scope: Scope, output: Output): Ending {
  for (const statement of body) {
    const ending = runOne(statement, scope, output);
    if (ending !== 'end') return ending;
  }
  return 'end';
}

function runOne(statement: Statement, scope: Scope, output: Output): Ending {
  switch (statement.kind) {
    case 'text':
      output.write(statement.text);
      return 'end';
    case 'output':
      output.write(textOf(evaluate(statement.value, scope)));
      return 'end';
    case 'if':
      return run(isTrue(evaluate(statement.test, scope)) ? statement.then : statement.otherwise, scope, output);
    case 'for':
      return runLoop(statement, scope, output);
    case 'set':
      assign(statement.target, evaluate(statement.value, scope), scope);
      return 'end';
    case 'break':
    case 'continue':
      return statement.kind;
    case 'scope': {
      const inner = new Scope(scope);
      for (const [target, value] of statement.values) assign(target, evaluate(value, scope), inner);
      return run(statement.body, inner, output);
    }
    default:
      runCapture(statement, scope, output);
      return 'end';
  }
}

type Capture = Extract<Statement, { kind: 'capture' | 'macro' | 'call' | 'filter' }>;

/** Statements whose body becomes a text first. */
function runCapture(statement: Capture, scope: Scope, output: Output): void {
  if (statement.kind === 'macro') return scope.set(statement.name, macroOf(statement, scope, output));
  if (statement.kind === 'call') {
    const caller = macroOf({ ...statement, kind: 'macro', name: 'caller' }, scope, output);
    const withCaller: typeof statement.call = {
      ...statement.call,
      args: { ...statement.call.args, named: [...statement.call.args.named, ['caller', { kind: 'constant', value: caller }]] },
    };
    return output.write(textOf(evaluate(withCaller, scope)));
  }
  const inner = new Scope(scope);
  inner.set(
    BLOCK_TEXT,
    output.captured((captured) => void run(statement.body, inner, captured)),
  );
  const text = statement.filter ? evaluate(statement.filter, inner) : inner.get(BLOCK_TEXT);
  if (statement.kind === 'filter') output.write(textOf(text));
  else assign(statement.target, text, scope);
}

function assign(target: Target, value: Value, scope: Scope): void {
  if (target.kind === 'name') return scope.set(target.name, value);
  if (target.kind === 'member') {
    const of = scope.get(target.of);
    if (!(of instanceof Members) || !(of.members instanceof Map) || of.type !== 'namespace')
      throw new TemplateError('cannot assign attribute on non-namespace object');
    of.members.set(target.name, value);
    return;
  }
  const values = [...iterate(value)];
  if (values.length !== target.items.length) {
    throw new TemplateError(
      values.length > target.items.length
        ? `too many values to unpack (expected ${String(target.items.length)})`
        : `not enough values to unpack (expected ${String(target.items.length)}, got ${String(values.length)})`,
    );
  }
  for (const [index, item] of target.items.entries()) assign(item, values[index] ?? null, scope);
}

function runLoop(loop: ForStatement, scope: Scope, output: Output): Ending {
  loopOver(evaluate(loop.of, scope), { loop, scope, output, depth: 1 });
  return 'end';
}

interface Looping {
  loop: ForStatement;
  scope: Scope;
  output: Output;
  depth: number;
}

function loopOver(value: Value, looping: Looping): void {
  const { loop, scope, output } = looping;
  const items = selected(value, loop, scope);
  const state = new LoopState(items, looping.depth);
  const variable = new Members('LoopContext', state, loop.isRecursive ? (args) => again(args, looping) : undefined);
  for (const [index, item] of items.entries()) {
    const inner = new Scope(scope);
    state.index = index;
    inner.set('loop', variable);
    assign(loop.target, item, inner);
    if (run(loop.body, inner, output) === 'break') break;
  }
  if (items.length === 0) run(loop.otherwise, new Scope(scope), output);
}

function selected(value: Value, { target, test }: ForStatement, scope: Scope): Value[] {
  const items = Array.isArray(value) ? value : [...iterate(value)];
  if (!test) return items;
  return items.filter((item) => {
    const inner = new Scope(scope);
    assign(target, item, inner);
    return isTrue(evaluate(test, inner));
  });
}

function again({ list }: Arguments, looping: Looping): Value {
  return looping.output.captured((output) => loopOver(list[0] ?? null, { ...looping, output, depth: looping.depth + 1 }));
}

function macroOf({ name, params, body }: MacroStatement, scope: Scope, output: Output): Callable {
  return new Callable(name, (args) => {
    const inner = new Scope(scope);
    bindParameters(params, args, inner);
    return output.captured((captured) => void run(body, inner, captured));
  });
}

function bindParameters(params: Parameter[], { list, named }: Arguments, scope: Scope): void {
  const names = new Set(params.map((param) => param.name));
  const others = new Map([...named].filter(([key]) => !names.has(key)));
  // `caller` is the body of a call block; a macro that does not want it has no use for it.
  scope.set('caller', others.get('caller') ?? new Undefined('No caller defined'));
  others.delete('caller');
  scope.set('varargs', tuple(...list.slice(params.length)));
  scope.set('kwargs', new Map(others));
  const given = params.map((param, index) => (index < list.length ? list[index] : named.get(param.name)));
  for (const [index, param] of params.entries()) {
    const value = given[index];
    scope.set(param.name, value === undefined ? new Undefined(`parameter '${param.name}' was not provided`) : value);
  }
  for (const [index, param] of params.entries()) {
    if (given[index] === undefined && param.otherwise) scope.set(param.name, evaluate(param.otherwise, scope));
  }
}
