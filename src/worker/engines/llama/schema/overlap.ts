import { leavesOf } from './possible.ts';
import type { Leaf, ObjectShape, Shape } from './shape.ts';

const MOST_COMPARISONS = 100_000;
const DEEPEST = 3;

/**
 * The place of the first `oneOf` of which a value of one alternative may match another: it would be valid by neither. Undefined when
 * the alternatives are known to differ: in type, in a fixed value, or in a property that one requires and another does not have.
 */
export function firstOverlap(choices: readonly { options: readonly Shape[]; at: string }[]): string | undefined {
  let comparisons = 0;
  for (const { options, at } of choices) {
    const leaves = options.map(leavesOf);
    for (const [index, some] of leaves.entries()) {
      for (const others of leaves.slice(0, index)) {
        comparisons += some.length * others.length;
        if (comparisons > MOST_COMPARISONS || !allDiffer(some, others, 0)) return at;
      }
    }
  }
  return undefined;
}

function allDiffer(some: readonly Leaf[], others: readonly Leaf[], depth: number): boolean {
  return some.every((a) => others.every((b) => differ(a, b, depth)));
}

function differ(a: Leaf, b: Leaf, depth: number): boolean {
  if (a.kind === 'fixed' && b.kind === 'fixed') return !a.values.some((value) => b.values.includes(value));
  const [typesOfA, typesOfB] = [typesOf(a), typesOf(b)];
  if (!typesOfA.some((type) => typesOfB.includes(type))) return true;
  return a.kind === 'object' && b.kind === 'object' && tellsFrom(a, b, depth) && tellsFrom(b, a, depth);
}

/** Whether no object that is written as `a` is valid as `b`. */
function tellsFrom(a: ObjectShape, b: ObjectShape, depth: number): boolean {
  const fields = new Map(a.fields.map((field) => [field.name, field]));
  return b.fields.some(({ name, value, isRequired }) => {
    const same = fields.get(name);
    if (!same) return isRequired && !a.entries;
    return depth < DEEPEST && (isRequired || same.isRequired) && allDiffer(leavesOf(same.value), leavesOf(value), depth + 1);
  });
}

function typesOf(leaf: Leaf): string[] {
  switch (leaf.kind) {
    case 'fixed':
      return leaf.values.map((value) => typeOfText(value));
    case 'text':
      return ['string'];
    case 'integer':
      return ['number'];
    case 'automaton':
      return [leaf.isNumber ? 'number' : 'string'];
    default:
      return [leaf.kind];
  }
}

function typeOfText(json: string): string {
  const types: Record<string, string> = { '"': 'string', '{': 'object', '[': 'array', t: 'boolean', f: 'boolean', n: 'null' };
  return types[json[0] ?? ''] ?? 'number';
}
