import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { JobError } from '../../contract/index.ts';
import { ON_WHEN_OMITTED, OPTION_NAMES, VALUE_WORDS } from './field-words.ts';
import type { Field } from './field.ts';
import { textIn } from './text.ts';

/** Other flags for a field. */
const ALIASES: Readonly<Record<string, string>> = { hive_id: '--hive', follow: '-f', lines: '-n' };

/** 'max_tokens' → '--max-tokens'. */
export function flagOf(name: string): string {
  return `--${(OPTION_NAMES[name] ?? name).replaceAll('_', '-')}`;
}

/** 'max_tokens' → 'maxTokens', as commander names it. */
export function attributeOf(name: string): string {
  return (OPTION_NAMES[name] ?? name).replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
}

/** The option of a field. It has no default: the role decides about an option that is not given. */
export function optionOf(name: string, field: Field): Option {
  const option = new Option(flagsOf(name, field), ON_WHEN_OMITTED[name] ?? describeField(field));
  switch (field.kind) {
    case 'switch':
    case 'text':
      return option;
    case 'number':
      return option.argParser(toNumber);
    case 'choice':
      return option.choices(field.choices);
    case 'list':
      return option.argParser((value, before: string[] | undefined) => [...(before ?? []), value]);
    case 'numbers':
      return option.argParser((value, before: number[] | undefined) => [...(before ?? []), toNumber(value)]);
    case 'json':
      return option.argParser((value) => VALUE_WORDS[name]?.[value] ?? toJson(value, wordsOf(name)));
  }
}

function flagsOf(name: string, field: Field): string {
  const isOn = field.kind === 'switch' && (field.defaultValue === true || name in ON_WHEN_OMITTED);
  const flag = isOn ? flagOf(`no_${name}`) : flagOf(name);
  const alias = ALIASES[name];
  const flags = alias === undefined ? flag : `${alias}, ${flag}`;
  return field.kind === 'switch' ? flags : `${flags} <${placeholder(name, field)}>`;
}

function placeholder(name: string, { kind }: Field): string {
  switch (kind) {
    case 'number':
    case 'numbers':
      return 'number';
    case 'json':
      return wordsOf(name).length === 0 ? 'json|@file' : [...wordsOf(name), 'json'].join('|');
    case 'choice':
    case 'text':
    case 'list':
    case 'switch':
      return name.split('_').at(-1) === 'id' ? 'id' : 'text';
  }
}

/** The description, and whether the option may be repeated, its default, and whether it is required. */
export function describeField({ kind, description, defaultValue, isRequired }: Field): string {
  const notes = [
    kind === 'list' || kind === 'numbers' ? 'may be repeated' : undefined,
    defaultValue === undefined || kind === 'switch' || isEmpty(defaultValue)
      ? undefined
      : `default: ${JSON.stringify(defaultValue).replaceAll('"', '')}`,
    isRequired ? 'required' : undefined,
  ].filter((note) => note !== undefined);
  return notes.length === 0 ? description : `${description} (${notes.join(', ')})`.trimStart();
}

/** For an empty list, the description says what it means. */
function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function toNumber(value: string): number {
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isNaN(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}

/** The words that an option takes in the place of JSON. */
function wordsOf(name: string): string[] {
  return Object.keys(VALUE_WORDS[name] ?? {});
}

function toJson(value: string, words: readonly string[]): unknown {
  const text = value.startsWith('@') ? readText(value.slice(1)) : value;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new InvalidArgumentError(
      `It must be ${[...words, 'JSON'].join(', ')}, or @ and the name of a file with JSON (${(error as Error).message}).`,
    );
  }
}

const UNREADABLE: Readonly<Record<string, (file: string) => string>> = {
  ENOENT: (file) => `There is no file '${file}'.`,
  EISDIR: (file) => `'${file}' is a folder.`,
  EACCES: (file) => `You have no permission to read the file '${file}'.`,
};

function readText(file: string): string {
  try {
    return textIn(readFileSync(file), `The file '${file}'`);
  } catch (error) {
    if (error instanceof JobError) throw new InvalidArgumentError(error.message);
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new InvalidArgumentError(UNREADABLE[code]?.(file) ?? `The file '${file}' cannot be read: ${(error as Error).message}.`);
  }
}
