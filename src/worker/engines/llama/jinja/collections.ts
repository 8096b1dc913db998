import { bound, integerOr, stringOr } from './arguments.ts';
import { TemplateError } from './fault.ts';
import { keyFor } from './operators.ts';
import { Undefined, View, isEqual, iterate, tuple, typeName, type Dictionary, type Method, type Value } from './values.ts';

export const dictionaryMethods: Record<string, Method<Dictionary>> = {
  get: (self, args) => {
    const { key = null, default: otherwise = null } = bound(args, 'key', 'default');
    return self.get(keyFor(key)) ?? (self.has(keyFor(key)) ? null : otherwise);
  },
  keys: (self) => viewOf('dict_keys', self.keys()),
  values: (self) => viewOf('dict_values', self.values()),
  items: (self) => itemsOf(self),
  copy: (self) => new Map(self),
  // Those that change the dictionary are not for templates in the reference; a few templates use them all the same.
  pop: (self, args) => {
    const { key = null, default: otherwise } = bound(args, 'key', 'default');
    const value = self.get(keyFor(key)) ?? otherwise;
    if (value === undefined) throw new TemplateError(`KeyError: ${typeof key === 'string' ? key : typeName(key)}`);
    self.delete(keyFor(key));
    return value;
  },
  setdefault: (self, args) => {
    const { key = null, default: otherwise = null } = bound(args, 'key', 'default');
    if (!self.has(keyFor(key))) self.set(keyFor(key), otherwise);
    return self.get(keyFor(key)) ?? null;
  },
  update: (self, args) => {
    for (const [key, value] of dictionaryOf(args.list[0] ?? new Map())) self.set(key, value);
    for (const [key, value] of args.named) self.set(key, value);
    return null;
  },
};

export const listMethods: Record<string, Method<Value[]>> = {
  index: (self, args) => {
    const { value = null, start } = bound(args, 'value', 'start');
    const at = self.findIndex((item, index) => index >= integerOr(start, 0) && isEqual(item, value));
    if (at < 0) throw new TemplateError('value is not in list');
    return at;
  },
  count: (self, args) => self.filter((item) => isEqual(item, args.list[0] ?? null)).length,
  copy: (self) => [...self],
  append: (self, args) => {
    self.push(args.list[0] ?? null);
    return null;
  },
  extend: (self, args) => {
    self.push(...iterate(args.list[0] ?? null));
    return null;
  },
  insert: (self, args) => {
    const { index, value = null } = bound(args, 'index', 'value');
    self.splice(integerOr(index, 0), 0, value);
    return null;
  },
  pop: (self, args) => {
    const [value] = self.splice(integerOr(args.list[0], -1), 1);
    if (value === undefined) throw new TemplateError('pop from empty list');
    return value;
  },
  reverse: (self) => {
    self.reverse();
    return null;
  },
};

function viewOf(label: string, values: Iterable<Value>): View {
  const view = new View();
  view.label = label;
  for (const value of values) view.push(value);
  return view;
}

export function itemsOf(dictionary: Dictionary): View {
  return viewOf(
    'dict_items',
    [...dictionary].map(([key, value]) => tuple(key, value)),
  );
}

/** A dictionary, or one made of pairs. */
export function dictionaryOf(value: Value): Dictionary {
  if (value instanceof Map) return value;
  const made: Dictionary = new Map();
  for (const pair of iterate(value)) {
    const [key, item] = [...iterate(pair)];
    if (key === undefined || item === undefined)
      throw new TemplateError('dictionary update sequence element has length other than 2');
    made.set(keyFor(key), item);
  }
  return made;
}

/** The part of a value that a path names: `function.name`, `0.role`, or the value itself. */
export function pathGetter(path: Value | undefined, memberOf: (of: Value, index: Value) => Value): (value: Value) => Value {
  if (path === undefined || path === null) return (value) => value;
  if (typeof path === 'number') return (value) => memberOf(value, path);
  const parts = stringOr(path, '').split('.');
  return (value) => parts.reduce((of: Value, part) => memberOf(of, /^\d+$/.test(part) ? Number(part) : part), value);
}

/** With another value in place of a missing one. */
export function orElse(value: Value, otherwise: Value | undefined): Value {
  return value instanceof Undefined && otherwise !== undefined ? otherwise : value;
}
