import { TemplateError } from './fault.ts';

/** A value of a template, as Python has it. A number is an integer; lists are arrays, and dictionaries are maps. */
export type Value = null | boolean | number | string | Float | Undefined | Value[] | Dictionary | Callable | Members | Iteration;
export type Dictionary = Map<Value, Value>;

/** A number with a point. */
export class Float {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

/** What a missing name or member gives: empty text, nothing to loop over, and an error when anything else is done with it. */
export class Undefined {
  /** What is missing. */
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export class Tuple extends Array<Value> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** The keys, values or items of a dictionary. */
export class View extends Tuple {
  label = '';
}

export interface Arguments {
  list: readonly Value[];
  named: ReadonlyMap<string, Value>;
}

/** What a method of a type does. */
export type Method<Self> = (self: Self, args: Arguments) => Value;

export class Callable {
  readonly name: string;
  readonly call: (args: Arguments) => Value;

  constructor(name: string, call: (args: Arguments) => Value) {
    this.name = name;
    this.call = call;
  }
}

interface Lookup {
  get(name: string): Value | undefined;
}

/** Something with named members: a loop, a namespace. */
export class Members {
  readonly type: string;
  readonly members: Lookup;
  /** Called as `loop(…)` is. */
  readonly call: Callable['call'] | undefined;

  constructor(type: string, members: Lookup, call?: Callable['call']) {
    this.type = type;
    this.members = members;
    this.call = call;
  }
}

/** Can be looped over once, and is true, however few values it gives: what `map` and `select` return. */
export class Iteration {
  readonly values: Iterator<Value>;

  constructor(values: Iterable<Value>) {
    this.values = values[Symbol.iterator]();
  }
}

export function tuple(...items: Value[]): Tuple {
  const made = new Tuple();
  for (const item of items) made.push(item);
  return made;
}

/** JSON as a value. Members with the value undefined are left out. */
export function valueOf(json: unknown): Value {
  if (typeof json === 'number') return Number.isInteger(json) ? json : new Float(json);
  if (Array.isArray(json)) return json.map(valueOf);
  if (typeof json !== 'object' || json === null) return json as string | boolean | null;
  const entries = Object.entries(json).filter(([, value]) => value !== undefined);
  return new Map(entries.map(([key, value]) => [key, valueOf(value)]));
}

export function typeName(value: Value): string {
  if (typeof value === 'string') return 'str';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (value === null) return 'NoneType';
  if (value instanceof Float) return 'float';
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof View) return value.label;
  if (value instanceof Tuple) return 'tuple';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'dict';
  if (value instanceof Members) return value.type;
  return value instanceof Iteration ? 'generator' : 'function';
}

export function isTrue(value: Value): boolean {
  if (value instanceof Float) return value.number !== 0;
  if (value instanceof Undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return value !== null && value !== false && value !== 0 && value !== '';
}

/** The number of an integer, a float or a boolean. */
export function numberOf(value: Value): number | undefined {
  if (value instanceof Float) return value.number;
  return typeof value === 'number' || typeof value === 'boolean' ? Number(value) : undefined;
}

export function isEqual(a: Value, b: Value): boolean {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined || right !== undefined) return left === right;
  if (a instanceof Undefined) return b instanceof Undefined;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) &&
      a instanceof Tuple === b instanceof Tuple &&
      a.length === b.length &&
      a.every((item, index) => isEqual(item, b[index] ?? null))
    );
  }
  if (a instanceof Map) {
    return (
      b instanceof Map && a.size === b.size && [...a].every(([key, value]) => b.has(key) && isEqual(value, b.get(key) ?? null))
    );
  }
  return a === b;
}

/** Below zero, zero or above, as sorting needs it. */
export function compare(a: Value, b: Value): number {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) return left - right;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b);
  if (Array.isArray(a) && Array.isArray(b)) {
    const index = a.findIndex((item, at) => at >= b.length || !isEqual(item, b[at] ?? null));
    if (index < 0) return a.length - b.length;
    return index >= b.length ? 1 : compare(a[index] ?? null, b[index] ?? null);
  }
  throw new TemplateError(`'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** What a loop goes over. */
export function* iterate(value: Value): Generator<Value, void, void> {
  if (typeof value === 'string' || Array.isArray(value)) yield* value;
  else if (value instanceof Map) yield* value.keys();
  else if (value instanceof Iteration) {
    for (let next = value.values.next(); next.done !== true; next = value.values.next()) yield next.value;
  } else if (!(value instanceof Undefined)) throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

export function isIterable(value: Value): boolean {
  const isContainer = Array.isArray(value) || value instanceof Map || value instanceof Iteration;
  return isContainer || typeof value === 'string' || value instanceof Undefined;
}

export function lengthOf(value: Value): number {
  if (typeof value === 'string') return hasPairs(value) ? [...value].length : value.length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof Undefined) return 0;
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
}

/** True when it has characters of two code units, which Python counts as one. */
export function hasPairs(text: string): boolean {
  return /[\ud800-\udbff]/.test(text);
}
