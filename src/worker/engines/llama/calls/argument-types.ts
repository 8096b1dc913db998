import type { Shape } from '../schema/shape.ts';
import { leavesOf } from '../schema/possible.ts';

export type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';
export type JsonTypes = ReadonlySet<JsonType>;

const ANY: JsonTypes = new Set(['string', 'number', 'boolean', 'null', 'object', 'array']);

/** What the value of an argument may be, by the shape of a tool's arguments. */
export function typesOfArgument(shape: Shape | undefined, key: string): JsonTypes {
  const objects = shape ? leavesOf(shape).filter((leaf) => leaf.kind === 'object') : [];
  const values = objects.flatMap(({ fields, entries }) => {
    const field = fields.find(({ name }) => name === key);
    return field ? [field.value] : entries ? [entries.value] : [];
  });
  return values.length === 0 ? ANY : new Set(values.flatMap((value) => leavesOf(value).flatMap(typesOfLeaf)));
}

export function jsonTypeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'number' || type === 'boolean' || type === 'string' ? type : 'object';
}

function typesOfLeaf(leaf: ReturnType<typeof leavesOf>[number]): JsonType[] {
  switch (leaf.kind) {
    case 'fixed':
      return leaf.values.map((value) => jsonTypeOf(JSON.parse(value)));
    case 'text':
      return ['string'];
    case 'automaton':
      return [leaf.isNumber ? 'number' : 'string'];
    case 'integer':
      return ['number'];
    default:
      return [leaf.kind];
  }
}
