import type * as z from 'zod';

/** What a field of an operation's input needs to become an option. */
export interface Field {
  kind: 'text' | 'number' | 'switch' | 'choice' | 'list' | 'numbers' | 'json';
  choices: readonly string[];
  /** Undefined when there is none. */
  defaultValue: unknown;
  isRequired: boolean;
  description: string;
}

type Schema = z.core.$ZodType;

/** Reads a schema from the outside in: default and optional wrap what the field is. */
export function fieldOf(schema: Schema): Field {
  const field: Field = { kind: 'json', choices: [], defaultValue: undefined, isRequired: true, description: '' };
  let inner = schema;
  for (;;) {
    field.description ||= descriptionOf(inner);
    const { def } = (inner as z.core.$ZodTypes)._zod;
    if (def.type === 'default' || def.type === 'prefault') field.defaultValue ??= def.defaultValue;
    if (def.type !== 'default' && def.type !== 'prefault' && def.type !== 'optional' && def.type !== 'nullable') break;
    field.isRequired = false;
    inner = def.innerType;
  }
  return { ...field, ...kindOf(inner) };
}

function kindOf(schema: Schema): Pick<Field, 'kind'> & Partial<Field> {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'string':
      return { kind: 'text' };
    case 'number':
      return { kind: 'number' };
    case 'boolean':
      return { kind: 'switch' };
    case 'enum':
      return { kind: 'choice', choices: Object.values(def.entries).map(String) };
    case 'array':
      return { kind: listKind(kindOf(def.element).kind) };
    // Anything deeper than a list of words is easier to write as JSON.
    default:
      return { kind: 'json' };
  }
}

function listKind(element: Field['kind']): Field['kind'] {
  if (element === 'text' || element === 'choice') return 'list';
  return element === 'number' ? 'numbers' : 'json';
}

function descriptionOf(schema: Schema): string {
  return (schema as z.ZodType).description ?? '';
}
