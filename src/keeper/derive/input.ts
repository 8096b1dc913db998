import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { issueWords, JobError, LOCALHOST, meantUrl, parseModelReference, type OperationSpec } from '../../contract/index.ts';
import type * as z from 'zod';
import { fieldOf } from './field.ts';
import { argumentName } from './operation-command.ts';
import { attributeOf, flagOf } from './option.ts';

type Input = Record<string, unknown>;

/** The options that were given, by the names of the contract; no defaults. */
export function givenOptions(command: Command, spec: OperationSpec): Input {
  const options = command.opts<Record<string, unknown>>();
  const names = Object.keys(spec.input.shape);
  const given = names.filter((name) => command.getOptionValueSource(attributeOf(name)) === 'cli');
  return Object.fromEntries(given.map((name) => [name, options[attributeOf(name)]]));
}

/** The options and the plain arguments that were given. */
export function givenInput(command: Command, spec: OperationSpec): Input {
  const input = givenOptions(command, spec);
  const args = spec.subjectIsText === true && command.args.length > 1 ? [command.args.join(' ')] : command.args;
  for (const [index, name] of [spec.subject, spec.object].entries()) {
    const argument = args[index];
    if (name === undefined || argument === undefined) continue;
    if (name in input) throw new JobError('invalid_input', `Give <${argumentName(name)}> or ${flagOf(name)}, not both.`);
    input[name] = argument;
  }
  return input;
}

/**
 * The input as it is sent, checked against the contract: a mistake is found before any daemon is woken.
 * @throws JobError invalid_input, naming the options
 */
export function checkedInput(input: Input, spec: OperationSpec): Input {
  const ready = withAbsoluteModel(input);
  const parsed = spec.input.safeParse(ready);
  if (parsed.success) return ready;
  throw new JobError('invalid_input', parsed.error.issues.map((issue) => issueText(issue, spec, ready)).join('\n'));
}

/** Makes the path of a model on this machine absolute: daemons run in another folder. A path on another machine is left as it is. */
export function withAbsoluteModel(input: Input): Input {
  const { model, hive_id: hive = LOCALHOST } = input;
  if (typeof model !== 'string' || hive !== LOCALHOST || process.env['RBEE_QUEEN_URL'] || !isPath(model)) return input;
  return { ...input, model: resolve(model.replace(/^~(?=\/)/, homedir())) };
}

/** `org/repo/file.gguf` names a model of the Hub, unless there is such a file here. */
function isPath(model: string): boolean {
  if (meantUrl(model) !== undefined) return existsSync(model);
  const { kind } = parseModelReference(model);
  if (kind === 'hub') return existsSync(model);
  return kind === 'path' && !/^file:/i.test(model);
}

function issueText(issue: z.core.$ZodIssue, { subject, object, input: { shape } }: OperationSpec, input: Input): string {
  const [name, ...deeper] = issue.path.map(String);
  if (name === undefined) return issue.message;
  const option = name === subject || name === object ? `<${argumentName(name)}>` : flagOf(name);
  if (input[name] === undefined && deeper.length === 0) return `${option} is missing.`;
  const schema = shape[name] as z.ZodType | undefined;
  // The user repeats the option, and does not number it.
  const isRepeated = schema !== undefined && ['list', 'numbers'].includes(fieldOf(schema).kind);
  const place = isRepeated ? '' : deeper.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join('');
  return `${option}${place} ${issueWords(issue, deeper.length === 0 ? schema : undefined)}.`;
}
