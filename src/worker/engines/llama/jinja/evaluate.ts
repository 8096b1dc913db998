import { TemplateError } from './fault.ts';
import type { Applied } from './filter.ts';
import { filters } from './filters.ts';
import { attributeOf, called, memberOf } from './members.ts';
import { calculate, concatenated, holds, keyFor, mustExist, sliceOf } from './operators.ts';
import type { Scope } from './scope.ts';
import type { ArgumentList, Expression } from './syntax.ts';
import { tests } from './tests.ts';
import { textOf } from './text.ts';
import { Float, Tuple, Undefined, isTrue, iterate, numberOf, typeName, type Arguments, type Value } from './values.ts';

/** The value of an expression. @throws TemplateError */
export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'constant':
      return expression.value;
    case 'name':
      return scope.get(expression.name);
    case 'attribute':
      return attributeOf(evaluate(expression.of, scope), expression.name);
    case 'item':
      return memberOf(evaluate(expression.of, scope), evaluate(expression.index, scope));
    case 'slice':
      return sliceOf(
        evaluate(expression.of, scope),
        [0, 1, 2].map((index) => {
          const bound = expression.bounds[index];
          return bound ? evaluate(bound, scope) : null;
        }),
      );
    case 'call':
      return called(evaluate(expression.of, scope), argumentsOf(expression.args, scope));
    case 'filter':
      return applied.filter(expression.name, evaluate(expression.of, scope), argumentsOf(expression.args, scope));
    case 'test':
      return applied.test(expression.name, evaluate(expression.of, scope), argumentsOf(expression.args, scope));
    case 'and': {
      const left = evaluate(expression.left, scope);
      return isTrue(left) ? evaluate(expression.right, scope) : left;
    }
    case 'or': {
      const left = evaluate(expression.left, scope);
      return isTrue(left) ? left : evaluate(expression.right, scope);
    }
    case 'choice': {
      if (isTrue(evaluate(expression.test, scope))) return evaluate(expression.then, scope);
      if (expression.otherwise) return evaluate(expression.otherwise, scope);
      return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
    }
    default:
      return combined(expression, scope);
  }
}

type Combined = Extract<Expression, { kind: 'list' | 'tuple' | 'concat' | 'dict' | 'unary' | 'binary' | 'compare' }>;

function combined(expression: Combined, scope: Scope): Value {
  switch (expression.kind) {
    case 'list':
      return expression.items.map((item) => evaluate(item, scope));
    case 'tuple':
      return Tuple.from(expression.items.map((item) => evaluate(item, scope)));
    case 'concat':
      return concatenated(expression.items.map((item) => evaluate(item, scope)));
    case 'dict':
      return new Map(expression.entries.map(([key, value]) => [keyFor(evaluate(key, scope)), evaluate(value, scope)]));
    case 'unary':
      return unary(expression.operator, evaluate(expression.of, scope));
    case 'binary':
      return calculate(expression.operator, evaluate(expression.left, scope), evaluate(expression.right, scope));
    case 'compare': {
      let left = evaluate(expression.first, scope);
      return expression.rest.every(([operator, next]) => {
        const right = evaluate(next, scope);
        const isTrueHere = holds(operator, left, right);
        left = right;
        return isTrueHere;
      });
    }
  }
}

function unary(operator: '-' | '+' | 'not', value: Value): Value {
  if (operator === 'not') return !isTrue(value);
  mustExist(value);
  const number = numberOf(value);
  if (number === undefined) throw new TemplateError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  const signed = operator === '-' ? -number : number;
  return value instanceof Float ? new Float(signed) : signed;
}

function argumentsOf({ list, named, spread, spreadNamed }: ArgumentList, scope: Scope): Arguments {
  const values = list.map((each) => evaluate(each, scope));
  if (spread) values.push(...iterate(evaluate(spread, scope)));
  const members = new Map(named.map(([name, each]): [string, Value] => [name, evaluate(each, scope)]));
  if (spreadNamed) {
    const more = evaluate(spreadNamed, scope);
    if (!(more instanceof Map)) throw new TemplateError(`argument after ** must be a mapping, not ${typeName(more)}`);
    for (const [name, value] of more) members.set(textOf(name), value);
  }
  return { list: values, named: members };
}

const applied: Applied = {
  filter(name, value, args) {
    const filter = filters.get(name);
    if (!filter) throw new TemplateError(`No filter named '${name}'.`);
    return filter(value, args, applied);
  },
  test(name, value, args) {
    const test = tests.get(name);
    if (!test) throw new TemplateError(`No test named '${name}'.`);
    return test(value, args.list);
  },
};
