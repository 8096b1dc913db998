import type { State } from './pattern.ts';

/** What a JSON value of an answer may be: a JSON Schema without references, with its keywords put together. Shapes may be in themselves. */
export type Shape =
  | { kind: 'either'; options: Shape[] }
  | FixedShape
  | ObjectShape
  | ArrayShape
  | { kind: 'text'; least: number; most: number }
  /** A string whose characters an automaton follows, or a number whose digits it follows. */
  | { kind: 'automaton'; states: readonly State[]; isNumber: boolean }
  | { kind: 'number' | 'integer' | 'boolean' | 'null' };

/** A shape that is no choice between others. */
export type Leaf = Exclude<Shape, { kind: 'either' }>;

/** One of these values, each as JSON. */
export interface FixedShape {
  kind: 'fixed';
  values: readonly string[];
}

/** The fields in this order, then any number of entries. */
export interface ObjectShape {
  kind: 'object';
  fields: Field[];
  entries: Entries | undefined;
}

export interface Field {
  name: string;
  value: Shape;
  isRequired: boolean;
}

export interface Entries {
  /** Undefined for any name that no field has. */
  names: Shape | undefined;
  value: Shape;
  least: number;
  most: number;
}

/** These values, then from `least` to `most` of the rest. */
export interface ArrayShape {
  kind: 'array';
  first: Shape[];
  rest: Shape | undefined;
  least: number;
  most: number;
}

/** Any JSON value. */
export function anyShape(): Shape {
  const any: Shape = { kind: 'either', options: [] };
  any.options.push(
    { kind: 'object', fields: [], entries: { names: undefined, value: any, least: 0, most: Infinity } },
    { kind: 'array', first: [], rest: any, least: 0, most: Infinity },
    { kind: 'text', least: 0, most: Infinity },
    { kind: 'number' },
    { kind: 'boolean' },
    { kind: 'null' },
  );
  return any;
}
