import type * as z from 'zod';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/**
 * What is wrong, to follow the name of a field or an option: 'must be a whole number of at least 1'.
 * @param schema of the field: it has both bounds of a number, the issue only the violated one
 */
export function issueWords(issue: Issue, schema?: Schema): string {
  switch (issue.code) {
    case 'invalid_type':
      return isNumber(issue.expected)
        ? numberWords(schema, issue.expected)
        : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      if (isNumber(issue.origin)) return numberWords(schema, issue.origin, `at least ${issue.minimum}`);
      return Number(issue.minimum) > 1 ? `must have at least ${sized(issue.minimum, issue.origin)}` : 'must not be empty';
    case 'too_big':
      if (isNumber(issue.origin)) return numberWords(schema, issue.origin, `at most ${issue.maximum}`);
      return `must have at most ${sized(issue.maximum, issue.origin)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return `must not have ${issue.keys.join(', ')}`;
    case 'invalid_union': {
      const branches = issue.errors.flatMap(([first]) => (first === undefined ? [] : [issueWords(first)]));
      return branches.length === 0 ? 'is not a known kind' : [...new Set(branches)].join(', or ');
    }
    default:
      return `is not valid: ${issue.message}`;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a JSON list',
  record: 'a JSON object',
  object: 'a JSON object',
};

function isNumber(type: string): boolean {
  return type === 'number' || type === 'int';
}

function sized(size: number | bigint, origin: string): string {
  return `${size} ${origin === 'string' ? 'characters' : 'entries'}`;
}

/** @param crossed the violated bound, for a number inside another value */
function numberWords(schema: Schema | undefined, type: string, crossed?: string): string {
  const found = numberIn(schema);
  const { isInt = type === 'int', minValue = null, maxValue = null } = found ?? {};
  const noun = isInt ? 'a whole number' : 'a number';
  const least = boundOf(minValue);
  const most = boundOf(maxValue);
  if (least !== undefined && most !== undefined) return `must be ${noun} from ${least} to ${most}`;
  if (least !== undefined) return `must be ${noun} of at least ${least}`;
  if (most !== undefined) return `must be ${noun} of at most ${most}`;
  return crossed === undefined ? `must be ${noun}` : `must be ${noun} of ${crossed}`;
}

/** Undefined for no bound, and for the limit of exact numbers. */
function boundOf(value: number | null): number | undefined {
  return value === null || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? undefined : value;
}

function numberIn(schema: Schema | undefined): z.ZodNumber | undefined {
  if (schema === undefined) return undefined;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'number') return schema as z.ZodNumber;
  return 'innerType' in def ? numberIn(def.innerType) : undefined;
}
