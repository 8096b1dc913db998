import { TemplateError } from './fault.ts';
import { dictionaryMethods, listMethods } from './collections.ts';
import { mustExist, keyFor } from './operators.ts';
import { stringMethods } from './strings.ts';
import { Callable, Members, Tuple, Undefined, hasPairs, typeName, type Arguments, type Method, type Value } from './values.ts';

/** `of.name`: a method before a member, as in Python. */
export function attributeOf(of: Value, name: string): Value {
  mustExist(of);
  const method = methodOf(of, name);
  return method === undefined ? orMissing(itemOf(of, name), of, name) : method;
}

/** `of[index]`: a member before a method. */
export function memberOf(of: Value, index: Value): Value {
  mustExist(of);
  const item = itemOf(of, index);
  return item === undefined && typeof index === 'string' ? orMissing(methodOf(of, index), of, index) : orMissing(item, of, index);
}

function itemOf(of: Value, index: Value): Value | undefined {
  if (of instanceof Map) return of.get(keyFor(index));
  if (of instanceof Members) return typeof index === 'string' ? of.members.get(index) : undefined;
  const at = typeof index === 'boolean' ? Number(index) : index;
  if (typeof at !== 'number') return undefined;
  if (typeof of === 'string') return hasPairs(of) ? [...of].at(at) : of.at(at);
  return Array.isArray(of) ? of.at(at) : undefined;
}

function methodOf(of: Value, name: string): Value | undefined {
  if (typeof of === 'string') return boundTo(of, stringMethods, name);
  if (of instanceof Map) return boundTo(of, dictionaryMethods, name);
  if (Array.isArray(of))
    return of instanceof Tuple && !['count', 'index'].includes(name) ? undefined : boundTo(of, listMethods, name);
  return undefined;
}

function boundTo<Self>(self: Self, methods: Record<string, Method<Self>>, name: string): Callable | undefined {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  return method && new Callable(name, (args) => method(self, args));
}

function orMissing(value: Value | undefined, of: Value, name: Value): Value {
  if (value !== undefined) return value;
  const owner = of === null ? "'None'" : `'${typeName(of)} object'`;
  if (typeof name === 'string') return new Undefined(`${owner} has no attribute '${name}'`);
  return new Undefined(`${typeName(of)} object has no element ${typeof name === 'number' ? String(name) : typeName(name)}`);
}

/** @throws TemplateError when it is nothing that can be called */
export function called(value: Value, args: Arguments): Value {
  mustExist(value);
  if (value instanceof Callable || (value instanceof Members && value.call)) return value.call?.(args) ?? null;
  throw new TemplateError(`'${typeName(value)}' object is not callable`);
}
