import { TemplateError } from './fault.ts';
import { typeName, type Arguments, type Value } from './values.ts';

/**
 * The arguments of a call, by the names of the parameters: positional ones first, then named ones.
 *
 * @throws TemplateError where there are more arguments than parameters, or one with another name
 */
export function bound<Name extends string>(args: Arguments, ...names: Name[]): Partial<Record<Name, Value>> {
  if (args.list.length > names.length)
    throw new TemplateError(`takes at most ${String(names.length)} arguments, ${String(args.list.length)} given`);
  const values: Partial<Record<string, Value>> = {};
  for (const [index, value] of args.list.entries()) values[names[index] ?? ''] = value;
  for (const [name, value] of args.named) {
    if (!(names as string[]).includes(name)) throw new TemplateError(`got an unexpected keyword argument '${name}'`);
    values[name] = value;
  }
  return values;
}

/** @throws TemplateError when it is given and not a text */
export function stringOr<Otherwise>(value: Value | undefined, otherwise: Otherwise): string | Otherwise {
  if (value === undefined) return otherwise;
  if (typeof value === 'string') return value;
  throw new TemplateError(`must be str, not ${typeName(value)}`);
}

/** @throws TemplateError when it is given and not an integer */
export function integerOr<Otherwise>(value: Value | undefined, otherwise: Otherwise): number | Otherwise {
  if (value === undefined) return otherwise;
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw new TemplateError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}
