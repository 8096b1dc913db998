import * as z from 'zod';
import { parseJsonObject } from '../../jobs/index.ts';
import { RequestError } from './request-error.ts';

/** Sixty tools with their schemas have more than 50,000 values; lists of token ids have more. */
const VALUES_LIMIT = 1_000_000;

/** @throws JobError invalid_json; RequestError for the first field that is wrong */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return parseFields(schema, parseJsonObject(body, VALUES_LIMIT));
}

/** @throws RequestError for the first field that is wrong */
export function parseFields<Schema extends z.ZodType>(schema: Schema, fields: object): z.output<Schema> {
  const parsed = z.safeParse(schema, fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const { path, message } = issue === undefined ? { path: [], message: 'invalid' } : deepest(issue);
  throw new RequestError(pathOf(path), isThere(fields, path) ? message : 'is required');
}

function isThere(fields: object, path: readonly PropertyKey[]): boolean {
  const value = path.reduce<unknown>(
    (within, key) => (within as Partial<Record<PropertyKey, unknown>> | null | undefined)?.[key],
    fields,
  );
  return value !== undefined && value !== null;
}

/** Of the alternatives of a field, the one that fits furthest: what is wrong in it is what the client has to change. */
function deepest(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .flatMap(([first]) => (first === undefined ? [] : [deepest(first)]))
    .sort((one, other) => other.path.length - one.path.length)[0];
  if (inner === undefined || inner.path.length === 0) return issue;
  return { path: [...issue.path, ...inner.path], message: inner.message };
}

/** `messages[2].content` */
export function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
