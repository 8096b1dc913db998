import type { Leaf, Shape } from './shape.ts';

/**
 * The shape without what no value can be: alternatives that contradict themselves, optional fields of them, objects that must contain
 * themselves. Undefined when nothing is left. Changes the shape.
 */
export function pruned(root: Shape): Shape | undefined {
  const all = shapesIn(root);
  const possible = new Set<Shape>();
  for (let size = -1; size < possible.size;) {
    size = possible.size;
    for (const shape of all) if (isPossible(shape, possible)) possible.add(shape);
  }
  if (!possible.has(root)) return undefined;
  for (const shape of all) cut(shape, possible);
  return root;
}

/** Every shape once, what is inside before what is outside as far as possible. */
export function shapesIn(root: Shape): Shape[] {
  const seen = new Set<Shape>([root]);
  for (const shape of seen) for (const part of partsOf(shape)) seen.add(part);
  return [...seen].reverse();
}

function partsOf(shape: Shape): readonly Shape[] {
  if (shape.kind === 'either') return shape.options;
  if (shape.kind === 'array') return [...shape.first, ...(shape.rest ? [shape.rest] : [])];
  if (shape.kind !== 'object') return [];
  const { entries } = shape;
  return [
    ...shape.fields.map(({ value }) => value),
    ...(entries ? [entries.value, ...(entries.names ? [entries.names] : [])] : []),
  ];
}

function isPossible(shape: Shape, possible: ReadonlySet<Shape>): boolean {
  switch (shape.kind) {
    case 'either':
      return shape.options.some((option) => possible.has(option));
    case 'object':
      return (
        shape.fields.every(({ isRequired, value }) => !isRequired || possible.has(value)) &&
        (shape.entries === undefined || shape.entries.least === 0 || possible.has(shape.entries.value))
      );
    case 'array':
      return (
        shape.first.every((item) => possible.has(item)) &&
        (shape.least === 0 || (shape.rest !== undefined && possible.has(shape.rest)))
      );
    case 'fixed':
      return shape.values.length > 0;
    default:
      return true;
  }
}

function cut(shape: Shape, possible: ReadonlySet<Shape>): void {
  if (shape.kind === 'either') shape.options = shape.options.filter((option) => possible.has(option));
  if (shape.kind === 'array' && shape.rest && !possible.has(shape.rest)) shape.rest = undefined;
  if (shape.kind !== 'object') return;
  shape.fields = shape.fields.filter(({ value }) => possible.has(value));
  if (shape.entries && !possible.has(shape.entries.value)) shape.entries = undefined;
}

/** What a value may be, without alternatives in alternatives. */
export function leavesOf(shape: Shape): Leaf[] {
  const leaves = new Set<Leaf>();
  const seen = new Set<Shape>([shape]);
  for (const each of seen) {
    if (each.kind === 'either') for (const option of each.options) seen.add(option);
    else leaves.add(each);
  }
  return [...leaves];
}
