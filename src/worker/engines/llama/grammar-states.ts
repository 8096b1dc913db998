import { leavesOf } from './schema/possible.ts';
import type { ArrayShape, Leaf, ObjectShape, Shape } from './schema/shape.ts';

/** Values that an answer may be in at once and that are not fixed: each has a stack of its own, and llama.cpp compares each with each. */
const MOST_STACKS = 500;

/** Places of a schema that are visited to find the maximum: a few milliseconds. */
const MOST_STEPS = 300_000;

/** Of an object's or array's values: the next is at a place; `count` ways led here that go on differently. */
interface Cursor {
  node: ObjectShape | ArrayShape;
  place: number;
  count: number;
}

/** A value that may come next at a cursor; without a name, it is an entry or an item. */
interface Next {
  name: string | undefined;
  value: Shape;
  after: Cursor;
}

/**
 * The number of ways in which an answer can be at a place of a shape at once. llama.cpp follows all of them with each token: of two
 * objects that begin with the same property it cannot know which one it is in before they differ, and where such objects are
 * nested, the ways multiply with every level.
 *
 * Counts by names of properties and fixed values, so the count is never too low, and may be too high: not all ways may occur in one answer.
 *
 * @returns Infinity when there are more than `limit`, or too many of them are objects, lists and free values
 */
export function mostStatesOf(shape: Shape, limit: number): number {
  return new StateCounter(limit).count(shape);
}

class StateCounter {
  #limit: number;
  #numbers = new Map<Shape, number>();
  #leaves = new Map<Shape, readonly Leaf[]>();
  #seen = new Set<string>();
  #todo: (() => void)[] = [];
  #steps = 0;
  #most = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  count(root: Shape): number {
    this.#value(new Map(this.#leavesOf(root).map((leaf) => [leaf, 1])));
    for (let work = this.#todo.pop(); work !== undefined; work = this.#todo.pop()) {
      work();
      if (this.#most > this.#limit || this.#steps > MOST_STEPS) return Infinity;
    }
    return this.#most > this.#limit ? Infinity : this.#most;
  }

  /** A value may begin, and be any of these. */
  #value(ways: ReadonlyMap<Leaf, number>): void {
    let all = 0;
    let stacks = 0;
    for (const [leaf, count] of ways) {
      all += count * (leaf.kind === 'fixed' ? leaf.values.length : 1);
      if (leaf.kind !== 'fixed') stacks += count;
    }
    this.#most = stacks > MOST_STACKS ? Infinity : Math.max(this.#most, all);
    for (const kind of ['object', 'array'] as const) {
      const cursors = [...ways].flatMap(([node, count]) => (node.kind === kind ? [{ node, place: 0, count }] : []));
      if (cursors.length > 0) this.#next(cursors);
    }
  }

  /** The next property or item of one of these objects or arrays may begin. */
  #next(cursors: readonly Cursor[]): void {
    if (this.#isKnown(cursors)) return;
    this.#todo.push(() => {
      const [only, ...others] = cursors;
      if (only && others.length === 0) return this.#nextOfOne(only);
      const all = cursors.flatMap(nextOf);
      this.#steps += cursors.length + all.length;
      this.#most = Math.max(
        this.#most,
        all.reduce((sum, { after }) => sum + after.count, 0),
      );
      const open = all.filter(({ name }) => name === undefined);
      const byName = new Map<string, Next[]>();
      for (const next of all) if (next.name !== undefined) addTo(byName, next.name, next);
      if (byName.size === 0 && open.length > 0) this.#valueOf(open);
      for (const [name, named] of byName) this.#valueOf([...named, ...open.filter(({ after }) => !hasField(after.node, name))]);
    });
  }

  /** Of one object alone, each optional property is looked at once, and not from each before it. */
  #nextOfOne(cursor: Cursor): void {
    const { node, place, count } = cursor;
    this.#steps += 1;
    this.#most = Math.max(this.#most, count * waysOn(cursor));
    const value = node.kind === 'array' ? (node.first[place] ?? node.rest) : (node.fields[place]?.value ?? node.entries?.value);
    if (!value) return;
    const isLast = place >= (node.kind === 'array' ? node.first : node.fields).length;
    const after = isLast ? cursor : { ...cursor, place: place + 1 };
    this.#valueOf([{ name: undefined, value, after }]);
    if (!isLast && node.kind === 'object' && !node.fields[place]?.isRequired) this.#next([after]);
  }

  /** All of these have their next value at the same place; afterwards those are left that can have had the same value. */
  #valueOf(values: readonly Next[]): void {
    const ways = new Map<Leaf, number>();
    const fixed = new Map<string, Cursor[]>();
    const free: Cursor[] = [];
    for (const { value, after } of values) {
      const leaves = this.#leavesOf(value);
      this.#steps += leaves.length;
      for (const leaf of leaves) ways.set(leaf, (ways.get(leaf) ?? 0) + after.count);
      const texts = leaves.flatMap((leaf) => (leaf.kind === 'fixed' ? leaf.values : []));
      if (leaves.some(({ kind }) => kind !== 'fixed')) free.push(after);
      else for (const text of new Set(texts)) addTo(fixed, text, after);
    }
    if (ways.size > 0) this.#value(ways);
    if (free.length > 0) this.#next(free);
    for (const same of fixed.values()) {
      this.#steps += same.length + free.length;
      if (this.#steps > MOST_STEPS) return;
      this.#next([...same, ...free]);
    }
  }

  #isKnown(cursors: readonly Cursor[]): boolean {
    const names = cursors.map(({ node, place, count }) => `${String(this.#numberOf(node))}.${String(place)}.${String(count)}`);
    const key = names.sort().join();
    const isKnown = this.#seen.has(key);
    this.#seen.add(key);
    return isKnown;
  }

  #numberOf(node: Shape): number {
    const number = this.#numbers.get(node) ?? this.#numbers.size;
    this.#numbers.set(node, number);
    return number;
  }

  #leavesOf(shape: Shape): readonly Leaf[] {
    const known = this.#leaves.get(shape);
    if (known !== undefined) return known;
    const leaves = leavesOf(shape);
    this.#steps += leaves.length;
    this.#leaves.set(shape, leaves);
    return leaves;
  }
}

const fieldNames = new WeakMap<ObjectShape, ReadonlySet<string>>();

/** The entries of an object have none of the names of its fields. */
function hasField(node: ObjectShape | ArrayShape, name: string): boolean {
  if (node.kind === 'array') return false;
  const known = fieldNames.get(node) ?? new Set(node.fields.map((field) => field.name));
  fieldNames.set(node, known);
  return known.has(name);
}

/** How many there are of `nextOf`. */
function waysOn({ node, place }: Cursor): number {
  if (node.kind === 'array') return 1;
  let end = place;
  while (end < node.fields.length && !node.fields[end]?.isRequired) end++;
  return end - place + (end < node.fields.length || node.entries ? 1 : 0);
}

/** What may come next: of an object, every field up to the next that must be there; then its entries, or the rest of an array. */
function nextOf(cursor: Cursor): Next[] {
  const { node, place } = cursor;
  if (node.kind === 'array') {
    const value = node.first[place] ?? node.rest;
    return value ? [{ name: undefined, value, after: place < node.first.length ? { ...cursor, place: place + 1 } : cursor }] : [];
  }
  const next: Next[] = [];
  for (let at = place; at < node.fields.length; at++) {
    const field = node.fields[at];
    if (!field) break;
    next.push({ name: field.name, value: field.value, after: { ...cursor, place: at + 1 } });
    if (field.isRequired) return next;
  }
  const end = { ...cursor, place: node.fields.length };
  return node.entries ? [...next, { name: undefined, value: node.entries.value, after: end }] : next;
}

function addTo<T>(groups: Map<string, T[]>, name: string, one: T): void {
  const group = groups.get(name);
  if (group) group.push(one);
  else groups.set(name, [one]);
}
