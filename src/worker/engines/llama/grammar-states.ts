type Json = Record<string, unknown>;

/** Values that an answer may be in at once and that are not fixed: each has a stack of its own, and llama.cpp compares each with each. */
const MOST_STACKS = 500;

/** Places of a schema that are visited to find the maximum: a few milliseconds. */
const MOST_STEPS = 300_000;

/** Of an object's or array's values: the next is at a place; `count` ways led here that go on differently. */
interface Cursor {
  node: Json;
  place: number;
  count: number;
}

type Ways = ReadonlyMap<Json, number>;

/**
 * The number of ways in which an answer can be at a place of a schema at once. llama.cpp follows all of them with each token: of two
 * objects that begin with the same property it cannot know which one it is in before they differ, and where such objects are
 * nested, the ways multiply with every level.
 *
 * Counts by names of properties and fixed values, so the count is never too low, and may be too high: not all ways may occur in one answer.
 *
 * @param schema as `grammarSchemaOf` makes it
 * @returns Infinity when there are more than `limit`, or too many of them are objects, lists and free values
 */
export function mostStatesOf(schema: Json, limit: number): number {
  return new StateCounter(schema, limit).count();
}

class StateCounter {
  #schema: Json;
  #limit: number;
  #numbers = new Map<Json, number>();
  #leaves = new Map<Json, readonly Json[]>();
  #seen = new Set<string>();
  #todo: (() => void)[] = [];
  #steps = 0;
  #most = 0;

  constructor(schema: Json, limit: number) {
    this.#schema = schema;
    this.#limit = limit;
  }

  count(): number {
    this.#value(new Map(this.#leavesOf(this.#schema).map((leaf) => [leaf, 1])));
    for (let work = this.#todo.pop(); work !== undefined; work = this.#todo.pop()) {
      work();
      if (this.#most > this.#limit || this.#steps > MOST_STEPS) return Infinity;
    }
    return this.#most > this.#limit ? Infinity : this.#most;
  }

  /** A value may begin, and be any of these. */
  #value(ways: Ways): void {
    let all = 0;
    let stacks = 0;
    for (const [leaf, count] of ways) {
      all += count * weightOf(leaf);
      if (fixedValuesOf(leaf) === undefined) stacks += count;
    }
    this.#most = stacks > MOST_STACKS ? Infinity : Math.max(this.#most, all);
    for (const type of ['object', 'array']) {
      const cursors = [...ways].filter(([leaf]) => leaf['type'] === type).map(([node, count]) => ({ node, place: 0, count }));
      if (cursors.length > 0) this.#next(cursors);
    }
  }

  /** The next property or item of one of these objects or arrays may begin. */
  #next(cursors: readonly Cursor[]): void {
    if (this.#isKnown(cursors)) return;
    this.#todo.push(() => {
      this.#steps += cursors.length;
      const open = cursors.filter((cursor) => fieldAt(cursor) === undefined && restOf(cursor.node) !== undefined);
      const byName = new Map<string, Cursor[]>();
      for (const cursor of cursors) {
        const name = fieldAt(cursor)?.[0];
        if (name !== undefined) addTo(byName, name, cursor);
      }
      const groups = [...byName.values()].map((named) => [...named, ...open]);
      for (const group of groups.length > 0 ? groups : [open]) this.#valueOf(group);
    });
  }

  /** All of these have their next value at the same place; afterwards those are left that can have had the same value. */
  #valueOf(cursors: readonly Cursor[]): void {
    const ways = new Map<Json, number>();
    const fixed = new Map<string, Cursor[]>();
    const free: Cursor[] = [];
    for (const cursor of cursors) {
      const leaves = this.#leavesOf(valueAt(cursor));
      this.#steps += leaves.length;
      for (const leaf of leaves) ways.set(leaf, (ways.get(leaf) ?? 0) + cursor.count);
      const values = leaves.flatMap((leaf) => fixedValuesOf(leaf) ?? []);
      if (leaves.some((leaf) => fixedValuesOf(leaf) === undefined)) free.push(after(cursor));
      else for (const value of new Set(values)) addTo(fixed, value, after(cursor));
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

  #numberOf(node: Json): number {
    const number = this.#numbers.get(node) ?? this.#numbers.size;
    this.#numbers.set(node, number);
    return number;
  }

  /** What a value may be, without references and alternatives. */
  #leavesOf(node: Json): readonly Json[] {
    const known = this.#leaves.get(node);
    if (known !== undefined) return known;
    const [leaves, seen, todo] = [new Set<Json>(), new Set<Json>(), [node]];
    for (let each = todo.pop(); each !== undefined; each = todo.pop()) {
      this.#steps++;
      if (seen.has(each)) continue;
      seen.add(each);
      const alternatives = this.#alternativesOf(each);
      if (alternatives) todo.push(...alternatives);
      else leaves.add(each);
    }
    this.#leaves.set(node, [...leaves]);
    return [...leaves];
  }

  #alternativesOf(node: Json): Json[] | undefined {
    const reference = node['$ref'];
    if (typeof reference !== 'string') return node['oneOf'] as Json[] | undefined;
    const definition = (this.#schema['$defs'] as Record<string, Json>)[reference.slice('#/$defs/'.length)];
    return definition ? [definition] : [];
  }
}

/** Any JSON. */
const ANY: Json = { oneOf: [{ type: ['string', 'number', 'boolean', 'null'] }] };
(ANY['oneOf'] as Json[]).push({ type: 'array', items: ANY }, { type: 'object', properties: {}, additionalProperties: ANY });

type Field = [name: string, value: Json];

const fields = new WeakMap<Json, Field[]>();

function fieldsOf(node: Json): Field[] {
  const known = fields.get(node);
  if (known) return known;
  const ofObject = () => Object.entries((node['properties'] ?? {}) as Record<string, Json>);
  const ofArray = () => ((node['prefixItems'] ?? []) as Json[]).map((item): Field => ['', item]);
  const read = node['type'] === 'object' ? ofObject() : ofArray();
  fields.set(node, read);
  return read;
}

/** The additional entries after the fields, any number of times. */
function restOf(node: Json): Json | undefined {
  const rest = node['type'] === 'object' ? node['additionalProperties'] : (node['items'] ?? true);
  if (rest === undefined || rest === false) return undefined;
  return rest === true ? ANY : (rest as Json);
}

function fieldAt({ node, place }: Cursor): Field | undefined {
  return fieldsOf(node)[place];
}

function valueAt(cursor: Cursor): Json {
  return fieldAt(cursor)?.[1] ?? restOf(cursor.node) ?? ANY;
}

function addTo(groups: Map<string, Cursor[]>, name: string, cursor: Cursor): void {
  const group = groups.get(name);
  if (group) group.push(cursor);
  else groups.set(name, [cursor]);
}

function after(cursor: Cursor): Cursor {
  return fieldAt(cursor) === undefined ? cursor : { ...cursor, place: cursor.place + 1 };
}

/** The ways in which a value can begin. */
function weightOf(leaf: Json): number {
  const options = leaf['enum'] ?? leaf['type'];
  return Array.isArray(options) ? options.length : 1;
}

function fixedValuesOf(leaf: Json): string[] | undefined {
  if ('const' in leaf) return [JSON.stringify(leaf['const'])];
  return Array.isArray(leaf['enum']) ? leaf['enum'].map((option) => JSON.stringify(option)) : undefined;
}
