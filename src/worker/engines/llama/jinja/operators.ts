import { TemplateError } from './fault.ts';
import { percentFormat } from './formatting.ts';
import { textOf } from './text.ts';
import {
  Float,
  Iteration,
  Tuple,
  Undefined,
  compare,
  hasPairs,
  isEqual,
  iterate,
  numberOf,
  typeName,
  type Value,
} from './values.ts';

/** @throws TemplateError when an operand is missing */
export function mustExist(value: Value): void {
  if (value instanceof Undefined) throw new TemplateError(value.message);
}

export function calculate(operator: string, left: Value, right: Value): Value {
  mustExist(left);
  mustExist(right);
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined)
    return arithmetic(operator, { a, b, isFloat: left instanceof Float || right instanceof Float });
  if (operator === '+') return joined(left, right);
  if (operator === '%' && typeof left === 'string') return percentFormat(left, right);
  if (operator === '*') {
    const [sequence, count] = typeof left === 'number' ? [right, left] : [left, right];
    if (typeof count === 'number' && typeof sequence === 'string') return sequence.repeat(Math.max(0, count));
    if (typeof count === 'number' && Array.isArray(sequence))
      return Array.from({ length: Math.max(0, count) }, () => sequence).flat();
  }
  throw unsupported(operator, left, right);
}

function joined(left: Value, right: Value): Value {
  if (typeof left === 'string') {
    if (typeof right === 'string') return left + right;
    throw new TemplateError(`can only concatenate str (not "${typeName(right)}") to str`);
  }
  if (Array.isArray(left)) {
    const areTuples = left instanceof Tuple;
    if (Array.isArray(right) && areTuples === right instanceof Tuple)
      return areTuples ? Tuple.from([...left, ...right]) : [...left, ...right];
    throw new TemplateError(`can only concatenate ${typeName(left)} (not "${typeName(right)}") to ${typeName(left)}`);
  }
  throw unsupported('+', left, right);
}

function arithmetic(operator: string, { a, b, isFloat }: { a: number; b: number; isFloat: boolean }): Value {
  const made = (number: number) => (isFloat ? new Float(number) : number);
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new TemplateError('division by zero');
  switch (operator) {
    case '+':
      return made(a + b);
    case '-':
      return made(a - b);
    case '*':
      return made(a * b);
    case '/':
      return new Float(a / b);
    case '//':
      return made(Math.floor(a / b));
    case '%':
      return made(a - b * Math.floor(a / b));
    default:
      return isFloat || b < 0 ? new Float(a ** b) : a ** b;
  }
}

function unsupported(operator: string, left: Value, right: Value): TemplateError {
  return new TemplateError(`unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`);
}

export function holds(operator: string, left: Value, right: Value): boolean {
  switch (operator) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
  }
  mustExist(left);
  mustExist(right);
  const order = ordered(operator, left, right);
  return operator.startsWith('<')
    ? order < 0 || (operator === '<=' && order === 0)
    : order > 0 || (operator === '>=' && order === 0);
}

function ordered(operator: string, left: Value, right: Value): number {
  try {
    return compare(left, right);
  } catch {
    throw new TemplateError(`'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`);
  }
}

export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') {
    if (typeof item === 'string') return container.includes(item);
    throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (container instanceof Map) return container.has(keyFor(item));
  if (Array.isArray(container)) return container.some((each) => isEqual(each, item));
  if (container instanceof Undefined || container instanceof Iteration)
    return [...iterate(container)].some((each) => isEqual(each, item));
  throw new TemplateError(`argument of type '${typeName(container)}' is not iterable`);
}

/** A float that is whole finds what the integer finds. */
export function keyFor(value: Value): Value {
  return value instanceof Float ? value.number : value;
}

/** `value[from:to:step]` */
export function sliceOf(value: Value, bounds: readonly Value[]): Value {
  const [from, to, step] = bounds.map((bound) => {
    if (bound === null || typeof bound === 'number') return bound;
    throw new TemplateError('slice indices must be integers or None or have an __index__ method');
  });
  mustExist(value);
  if (typeof value === 'string') {
    if (step === null && !hasPairs(value)) return value.slice(from ?? 0, to ?? undefined);
    return slice([...value], [from, to, step]).join('');
  }
  if (Array.isArray(value))
    return value instanceof Tuple ? Tuple.from(slice(value, [from, to, step])) : slice(value, [from, to, step]);
  return new Undefined(`'${typeName(value)}' object is not subscriptable`);
}

function slice<Item>(items: readonly Item[], [from, to, stepOrNone]: (number | null | undefined)[]): Item[] {
  const step = stepOrNone ?? 1;
  if (step === 0) throw new TemplateError('slice step cannot be zero');
  if (step === 1) return items.slice(from ?? 0, to ?? undefined);
  const [lowest, highest] = step > 0 ? [0, items.length] : [-1, items.length - 1];
  const clamped = (bound: number) => Math.max(lowest, Math.min(highest, bound < 0 ? bound + items.length : bound));
  const taken: Item[] = [];
  const start = typeof from === 'number' ? clamped(from) : step > 0 ? 0 : items.length - 1;
  const end = typeof to === 'number' ? clamped(to) : step > 0 ? items.length : -1;
  for (let index = start; step > 0 ? index < end : index > end; index += step) taken.push(items[index] as Item);
  return taken;
}

export function concatenated(values: readonly Value[]): string {
  return values.map(textOf).join('');
}
