import * as z from 'zod';
import {
  isOperationName,
  issueWords,
  JobError,
  operations,
  type Handlers,
  type OperationName,
  type OperationSpec,
  type Role,
} from '../../contract/index.ts';
import { nearest } from '../client/nearest.ts';
import { parseJsonObject } from './json-body.ts';

export const onDisconnect = z.enum(['continue', 'cancel']).default('continue');

export interface JobRequest {
  operation: OperationName;
  input: unknown;
  onDisconnect: z.output<typeof onDisconnect>;
}

/**
 * The one place that turns bytes into an operation. What passes here is trusted inside.
 * @throws JobError invalid_json, missing_operation, unknown_operation, operation_not_supported, invalid_input
 */
export function parseRequest(body: string, here: { role: Role; handlers: Handlers; valuesLimit?: number }): JobRequest {
  const { operation, on_disconnect, ...fields } = parseJsonObject(body, here.valuesLimit);
  if (operation === undefined || operation === null) throw new JobError('missing_operation', "Missing 'operation' field");
  if (typeof operation !== 'string') throw new JobError('invalid_input', "'operation' must be a string");
  if (!isOperationName(operation)) throw new JobError('unknown_operation', unknownOperation(operation));
  const spec: OperationSpec = operations[operation];
  if (here.handlers[operation] === undefined) {
    throw new JobError(
      'operation_not_supported',
      `Operation not supported by ${here.role}: send ${operation} to the ${spec.runsOn}`,
    );
  }
  const given = withOldSpellings(fields, spec);
  const parsed = z.safeParse(spec.input, given);
  if (!parsed.success) throw new JobError('invalid_input', `${operation}: ${describeAll(parsed.error.issues, spec, given)}`);
  const disconnect = onDisconnect.safeParse(on_disconnect ?? (spec.endsWithoutReader ? 'cancel' : undefined));
  if (!disconnect.success) throw new JobError('invalid_input', "on_disconnect: must be 'continue' or 'cancel'");
  return { operation, input: parsed.data, onDisconnect: disconnect.data };
}

/** A person fixes a few fields at a time, and an answer must not be larger than its request. */
const NAMED_LIMIT = 10;
const NAMED_PATH_CHARS = 200;

function unknownOperation(operation: string): string {
  const shown = operation.slice(0, 64);
  const near = nearest(shown, Object.keys(operations));
  return near === undefined ? `Unknown operation: ${shown}` : `Unknown operation: ${shown}. Did you mean ${near}?`;
}

/** `id` stands for what the operation is about; `alias`, and `id` where it is about nothing else, for the hive. */
function withOldSpellings(fields: Record<string, unknown>, spec: OperationSpec): Record<string, unknown> {
  const { id, alias, ...renamed } = fields;
  const hive = 'hive_id' in spec.input.shape ? 'hive_id' : undefined;
  if (id !== undefined) renamed[spec.runsOn === 'worker' ? 'id' : (spec.subject ?? hive ?? 'id')] ??= id;
  if (alias !== undefined) renamed[hive ?? 'alias'] ??= alias;
  return renamed;
}

function describeAll(issues: readonly z.core.$ZodIssue[], spec: OperationSpec, given: object): string {
  const more = issues.length - NAMED_LIMIT;
  return issues
    .slice(0, NAMED_LIMIT)
    .map((issue) => describe(issue, spec, given))
    .concat(more > 0 ? [`and ${more} more`] : [])
    .join('; ');
}

function describe(issue: z.core.$ZodIssue, spec: OperationSpec, given: object): string {
  if (issue.code === 'unrecognized_keys') {
    const more = issue.keys.length - NAMED_LIMIT;
    return issue.keys
      .slice(0, NAMED_LIMIT)
      .map((key) => key.slice(0, 64))
      .map((key) => {
        const near = issue.path.length === 0 ? nearest(key, Object.keys(spec.input.shape)) : undefined;
        return near === undefined ? `unknown field '${key}'` : `unknown field '${key}', did you mean '${near}'?`;
      })
      .concat(more > 0 ? [`and ${more} more unknown fields`] : [])
      .join('; ');
  }
  const place = issue.path.join('.').slice(0, NAMED_PATH_CHARS) || 'body';
  // A rule about several fields, in its own words.
  if (issue.code === 'custom') return `${place}: ${issue.message}`;
  if (isMissing(issue.path, given)) return `${place} is missing`;
  const [field, ...deeper] = issue.path;
  const schema = deeper.length === 0 ? (spec.input.shape[String(field)] as z.core.$ZodType | undefined) : undefined;
  return `${place} ${issueWords(issue, schema)}`;
}

function isMissing(path: readonly PropertyKey[], given: object): boolean {
  let value: unknown = given;
  for (const step of path) value = (value as Record<PropertyKey, unknown>)[step];
  return value === undefined;
}
