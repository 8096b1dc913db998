import type { Languages } from './language.ts';
import type { Shape } from './shape.ts';

/** A schema that restricts a value, with the others that restrict the same value. */
export interface Member {
  schema: unknown;
  at: string;
  depth: number;
  /** One keyword of the schema, or everything but those two. */
  only?: 'anyOf' | 'oneOf' | 'rest';
}

/** What the parts of a reader may ask of it. */
export interface SchemaContext {
  languages: Languages;
  /** The shape of values that all members allow. */
  shapeOf(members: readonly Member[]): Shape;
  /** Counts towards the limit. */
  count(parts: number): void;
  /** Refuses the schema for a keyword, or drops the keyword. */
  cannot(at: string, why?: string): void;
}
