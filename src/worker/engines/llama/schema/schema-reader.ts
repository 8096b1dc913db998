import { setImmediate } from 'node:timers/promises';
import { JobError } from '../../../../contract/index.ts';
import {
  CANNOT_HOLD,
  NOT_HELD,
  asList,
  asObject,
  commonTypes,
  restricts,
  typesOf,
  type Json,
  type Part,
  type TypeName,
} from './keywords.ts';
import { Languages } from './language.ts';
import { PatternFault } from './pattern-fault.ts';
import { arrayShape, objectShape } from './nested-shapes.ts';
import { pointedAt } from './reference.ts';
import { fixedShape, numberShape, textShape } from './scalar-shapes.ts';
import type { Member, SchemaContext } from './schema-context.ts';
import { refused } from './schema-fault.ts';
import { pruned } from './possible.ts';
import { firstOverlap } from './overlap.ts';
import { anyShape, type Shape } from './shape.ts';

/** Schemas, fields and fixed values in a schema: the grammar grows with them, and a token is tried in each alternative. */
const MOST_PARTS = 5000;
const DEEPEST = 64;
/** Then the other requests have a turn. */
const SLICE_MS = 5;
/** Steps for all patterns of a schema: about 100 ms. A date-time by a format and a pattern takes 7,000. */
const MOST_PATTERN_STEPS = 25_000;

export interface ReadOptions {
  /** What the schema is called in errors. */
  at: string;
  /** Drops the keywords that a grammar cannot hold, instead of refusing the schema. */
  isLoose: boolean;
}

/**
 * What a JSON Schema allows, as a shape that a grammar can be written of. Every value of the shape is valid by the schema, but not
 * always the reverse: objects have the properties that the schema names, in its order, and a list that begins with `prefixItems` has
 * all of them.
 *
 * @throws JobError invalid_input, with the place of what cannot be held; in loose mode only when the schema is too large
 */
export async function readSchema(schema: unknown, options: ReadOptions): Promise<{ shape: Shape; dropped: string[] }> {
  const reader = new SchemaReader(schema, options);
  const shape = await reader.read();
  return { shape, dropped: [...reader.dropped] };
}

class SchemaReader implements SchemaContext {
  readonly languages = new Languages(MOST_PATTERN_STEPS);
  readonly dropped = new Set<string>();
  #root: unknown;
  #options: ReadOptions;
  #parts = 0;
  #numbers = new Map<unknown, number>();
  #shapes = new Map<string, Shape>();
  #todo: (() => void)[] = [];
  #exclusive: { options: Shape[]; at: string }[] = [];

  constructor(root: unknown, options: ReadOptions) {
    this.#root = root;
    this.#options = options;
  }

  async read(): Promise<Shape> {
    const { at, isLoose } = this.#options;
    const shape = this.shapeOf([{ schema: this.#root, at, depth: 0 }]);
    let sliceEnd = performance.now() + SLICE_MS;
    for (let work = this.#todo.pop(); work !== undefined; work = this.#todo.pop()) {
      work();
      if (performance.now() < sliceEnd) continue;
      await setImmediate();
      sliceEnd = performance.now() + SLICE_MS;
    }
    const possible = pruned(shape);
    if (!possible) {
      if (isLoose) {
        this.dropped.add(at);
        return anyShape();
      }
      throw refused(at, 'allows no value that ends: it contradicts itself or refers to itself endlessly');
    }
    if (!isLoose) {
      const overlap = firstOverlap(this.#exclusive);
      if (overlap !== undefined) throw refused(overlap, 'has alternatives that may both match; use anyOf, or let them differ');
    }
    return possible;
  }

  shapeOf(members: readonly Member[]): Shape {
    const key = [...new Set(members.map((member) => this.#keyOf(member)))].sort().join();
    const known = this.#shapes.get(key);
    if (known) return known;
    this.count(1);
    const shape: Shape = { kind: 'either', options: [] };
    this.#shapes.set(key, shape);
    this.#todo.push(() => shape.options.push(...this.#fill(members)));
    return shape;
  }

  count(parts: number): void {
    this.#parts += parts;
    if (this.#parts > MOST_PARTS) throw refused(this.#options.at, `has more than ${String(MOST_PARTS)} parts. Make it simpler`);
  }

  cannot(at: string, why = CANNOT_HOLD): void {
    if (!this.#options.isLoose) throw refused(at, why);
    this.dropped.add(at);
  }

  #keyOf({ schema, only }: Member): string {
    const number = this.#numbers.get(schema) ?? this.#numbers.size;
    this.#numbers.set(schema, number);
    return `${String(number)}${only ?? ''}`;
  }

  #fill(members: readonly Member[]): Shape[] {
    try {
      return this.#optionsOf(members);
    } catch (cause) {
      const { at } = members[0] ?? this.#options;
      const fault = cause instanceof PatternFault ? refused(at, cause.message, cause) : cause;
      if (!this.#options.isLoose || !(fault instanceof JobError) || this.#parts > MOST_PARTS) throw fault;
      this.dropped.add(at);
      return [anyShape()];
    }
  }

  #optionsOf(members: readonly Member[]): Shape[] {
    const gathered = this.#gather(members);
    if (!gathered) return [];
    const { rest, choices } = gathered;
    const [choice, ...others] = choices;
    if (!choice?.only || choice.only === 'rest') return this.#plain(rest);
    const schema = choice.schema as Json;
    const at = `${choice.at}.${choice.only}`;
    const restricting = rest.filter((part) => restricts(part.schema));
    const common: Member[] = [...restricting.map((part): Member => ({ ...part, depth: choice.depth, only: 'rest' })), ...others];
    const options = asList(schema[choice.only], at).map((option, index) =>
      this.shapeOf([{ schema: option, at: `${at}[${String(index)}]`, depth: choice.depth + 1 }, ...common]),
    );
    if (choice.only === 'oneOf') this.#exclusive.push({ options, at });
    return options;
  }

  /** The keywords that restrict the value, and the alternatives; undefined when no value is allowed. */
  #gather(members: readonly Member[]): { rest: Part[]; choices: Member[] } | undefined {
    const rest: Part[] = [];
    const choices: Member[] = [];
    const seen = new Set<string>();
    const todo = members.map((member) => ({ member, path: new Set<unknown>() }));
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const { member, path } = next;
      const key = this.#keyOf(member);
      if (path.has(key)) this.cannot(`${member.at}.$ref`, 'refers to itself endlessly');
      if (member.schema === false) return undefined;
      if (member.schema === true || seen.has(key)) continue;
      seen.add(key);
      const schema = asObject(member.schema, member.at);
      if (member.depth > DEEPEST) throw refused(member.at, `is nested deeper than ${String(DEEPEST)} levels`);
      if (member.only === 'anyOf' || member.only === 'oneOf') choices.push(member);
      else rest.push({ schema, at: member.at });
      if (member.only !== undefined) continue;
      const inside = new Set([...path, key]);
      for (const part of this.#partsOf(schema, member)) todo.push({ member: part, path: inside });
    }
    return { rest, choices };
  }

  /** Schemas that restrict the same value as this one. */
  *#partsOf(schema: Json, { at, depth }: Member): Generator<Member, void, void> {
    if (schema['$ref'] !== undefined) {
      const target = pointedAt(schema['$ref'], this.#root);
      if (target) yield { schema: target.schema, at: `${this.#options.at}${target.at}`, depth: 0 };
      else
        this.cannot(
          `${at}.$ref`,
          `must point into the schema itself, as '#/$defs/name', but it is ${JSON.stringify(schema['$ref'])}`,
        );
    }
    for (const only of ['anyOf', 'oneOf'] as const) if (schema[only] !== undefined) yield { schema, at, depth, only };
    if (schema['allOf'] === undefined) return;
    for (const [index, part] of asList(schema['allOf'], `${at}.allOf`).entries())
      yield { schema: part, at: `${at}.allOf[${String(index)}]`, depth: depth + 1 };
  }

  #plain(parts: readonly Part[]): Shape[] {
    for (const { schema, at } of parts) {
      if (schema['not'] !== undefined && isAnything(schema['not'])) return [];
      for (const keyword of NOT_HELD) if (schema[keyword] !== undefined) this.cannot(`${at}.${keyword}`);
    }
    const types = commonTypes(parts.map((part) => this.#typesOf(part)));
    const fixed = fixedShape(parts, types, this);
    return fixed ? [fixed] : types.flatMap((type) => this.#ofType(type, parts) ?? []);
  }

  #typesOf(part: Part): ReadonlySet<TypeName> {
    try {
      return typesOf(part);
    } catch {
      this.cannot(`${part.at}.type`, `cannot be ${JSON.stringify(part.schema['type'])}`);
      return typesOf({ ...part, schema: { ...part.schema, type: undefined } });
    }
  }

  #ofType(type: TypeName, parts: readonly Part[]): Shape | undefined {
    switch (type) {
      case 'object':
        return objectShape(parts, this);
      case 'array':
        return arrayShape(parts, this);
      case 'string':
        return textShape(parts, this);
      case 'number':
      case 'integer':
        return numberShape(type, parts, this);
      default:
        return { kind: type };
    }
  }
}

function isAnything(schema: unknown): boolean {
  return schema === true || (typeof schema === 'object' && schema !== null && Object.keys(schema).length === 0);
}
