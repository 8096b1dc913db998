import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { operations, worker, type OperationSpec } from '../../contract/index.ts';
import { fleetCommands } from '../fleet-commands.ts';
import { fieldOf } from './field.ts';
import { checkedInput, givenInput, withAbsoluteModel } from './input.ts';
import { wordsOf } from './command-words.ts';
import { operationCommand } from './operation-command.ts';
import { optionOf } from './option.ts';

const spec: OperationSpec = {
  runsOn: 'hive',
  summary: 'Try every kind of field',
  subject: 'thing_id',
  input: z.strictObject({
    thing_id: z.string().describe('Which thing'),
    hive_id: z.string().describe('Which hive').default('localhost'),
    max_tokens: z.int().min(1).optional(),
    kind: z.enum(['cpu', 'cuda']).default('cpu').describe('What with'),
    stop: z.array(z.string()).optional(),
    sizes: z.array(z.number()).optional(),
    json_schema: z.record(z.string(), z.json()).optional(),
    rooms: z.array(z.object({ name: z.string() })).optional(),
    force: z.boolean().default(false),
    follow: z.boolean().default(false),
    lines: z.int().optional(),
    stream: z.boolean().default(true),
    json: z.boolean().optional().describe('Answer with a JSON object'),
    strict: z.boolean().optional().describe('false ignores what cannot be enforced'),
    reasoning: z.strictObject({ on: z.boolean().optional(), effort: z.string().optional() }).optional(),
    tool_choice: z.union([z.enum(['auto', 'none']), z.strictObject({ names: z.array(z.string()) })]).optional(),
  }),
  output: worker,
  examples: ['rbee thing try thing-1'],
};

/** What a command line becomes, as the keeper would send it. */
function inputOf(...argv: string[]): Record<string, unknown> {
  const command = operationCommand('thing_try', spec)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.action(() => undefined).parse(argv, { from: 'user' });
  return checkedInput(givenInput(command, spec), spec);
}

test.each([
  ['worker_spawn', ['worker', 'spawn']],
  ['hive_import_ssh', ['hive', 'import-ssh']],
  ['status', ['status']],
])('%s is the command %j', (operation, words) => {
  expect(wordsOf(operation)).toEqual(words);
});

describe('a field', () => {
  test.each([
    ['thing_id', { kind: 'text', isRequired: true, description: 'Which thing' }],
    ['hive_id', { kind: 'text', isRequired: false, defaultValue: 'localhost', description: 'Which hive' }],
    ['max_tokens', { kind: 'number', isRequired: false }],
    ['kind', { kind: 'choice', choices: ['cpu', 'cuda'], description: 'What with' }],
    ['stop', { kind: 'list' }],
    ['sizes', { kind: 'numbers' }],
    ['json_schema', { kind: 'json' }],
    ['rooms', { kind: 'json' }],
    ['force', { kind: 'switch', defaultValue: false }],
  ])('the field %s is read from its schema', (name, field) => {
    expect(fieldOf(spec.input.shape[name] as z.ZodType)).toMatchObject(field);
  });

  test.each([
    ['hive_id', '--hive, --hive-id <id>', 'Which hive (default: localhost)'],
    ['thing_id', '--thing-id <id>', 'Which thing (required)'],
    ['max_tokens', '--max-tokens <number>', ''],
    ['stop', '--stop <text>', '(may be repeated)'],
    ['json_schema', '--json-schema <json|@file>', ''],
    ['force', '--force', ''],
    ['follow', '-f, --follow', ''],
    ['lines', '-n, --lines <number>', ''],
    ['stream', '--no-stream', ''],
    ['json', '--json-object', 'Answer with a JSON object'],
    ['strict', '--no-strict', 'Ignore what cannot be enforced of a JSON schema, instead of refusing it'],
    ['reasoning', '--reasoning <on|off|low|medium|high|json>', ''],
  ])('the field %s is the option %s', (name, flags, description) => {
    expect(optionOf(name, fieldOf(spec.input.shape[name] as z.ZodType))).toMatchObject({ flags, description });
  });
});

describe('a command line', () => {
  test('a command line gives its plain argument, and no field that was not given', () => {
    expect(inputOf('thing-1')).toEqual({ thing_id: 'thing-1' });
    expect(inputOf('--thing-id', 'thing-1')).toEqual({ thing_id: 'thing-1' });
  });

  test('a command line gives each option in the type of its field', () => {
    const argv =
      'thing-1 --hive attic --max-tokens 3 --kind cuda --stop a --stop b --sizes 1 --sizes 2.5 --force --no-stream'.split(' ');
    expect(inputOf(...argv, '--json-schema', '{"type":"object"}', '--rooms', '[{"name":"attic"}]')).toEqual({
      thing_id: 'thing-1',
      hive_id: 'attic',
      max_tokens: 3,
      kind: 'cuda',
      stop: ['a', 'b'],
      sizes: [1, 2.5],
      force: true,
      stream: false,
      json_schema: { type: 'object' },
      rooms: [{ name: 'attic' }],
    });
  });

  test('an option takes single words for common values, and JSON for others', () => {
    expect(inputOf('t', '--json-object', '--no-strict', '--reasoning', 'low', '--tool-choice', 'none')).toEqual({
      thing_id: 't',
      json: true,
      strict: false,
      reasoning: { on: true, effort: 'low' },
      tool_choice: 'none',
    });
    expect(inputOf('t', '--reasoning', '{"on":false}', '--tool-choice', '{"names":["a"]}')).toMatchObject({
      reasoning: { on: false },
      tool_choice: { names: ['a'] },
    });
  });

  test.each([
    [[], '<thing> is missing.'],
    [['t', '--thing-id', 'u'], 'Give <thing> or --thing-id, not both.'],
    [['t', '--max-tokens', '0'], '--max-tokens must be a whole number of at least 1.'],
    [['t', '--max-tokens', '1.5'], '--max-tokens must be a whole number of at least 1.'],
    [['t', '--max-tokens', 'many'], 'It must be a number.'],
    [['t', '--kind', 'tpu'], 'Allowed choices are cpu, cuda.'],
    [['t', '--json-schema', '{'], 'It must be JSON'],
    [['t', '--reasoning', 'much'], 'It must be on, off, low, medium, high, JSON, or @ and the name of a file'],
    [['t', '--json-schema', '@/no/such/file'], "There is no file '/no/such/file'"],
    [['t', '--rooms', '[{"name":1}]'], '--rooms[0].name must be text.'],
    [['t', '--json-schema', '[1]'], '--json-schema must be a JSON object.'],
  ])('the command line %j is refused: %s', (argv, words) => {
    expect(() => inputOf(...argv)).toThrow(words);
  });
});

test.each([
  [{ model: './a.gguf' }, { model: `${process.cwd()}/a.gguf` }],
  [{ model: 'a.gguf' }, { model: `${process.cwd()}/a.gguf` }],
  [{ model: '/m/a' }, { model: '/m/a' }],
  [{ model: 'tiny' }, { model: 'tiny' }],
  [{ model: 'acme/x:Q8_0' }, { model: 'acme/x:Q8_0' }],
  [{ model: 'acme/x' }, { model: 'acme/x' }],
  [{ model: 'acme/x/y.gguf' }, { model: 'acme/x/y.gguf' }],
  [{ model: 'hf:acme/x/y.gguf' }, { model: 'hf:acme/x/y.gguf' }],
  [{ model: 'acme/y.gguf' }, { model: `${process.cwd()}/acme/y.gguf` }],
  [{ model: 'src/keeper' }, { model: `${process.cwd()}/src/keeper` }],
  [{ model: 'src/keeper/index.ts' }, { model: `${process.cwd()}/src/keeper/index.ts` }],
  [{ model: 'https://example.org/a.gguf' }, { model: 'https://example.org/a.gguf' }],
  [
    { model: './a.gguf', hive_id: 'attic' },
    { model: './a.gguf', hive_id: 'attic' },
  ],
])('the path of a model on this machine is made absolute: %j', (input, ready) => {
  expect(withAbsoluteModel(input)).toEqual(ready);
});

test('a new operation of the contract is a command without a change in the keeper', () => {
  const none = async () => undefined;
  const roles = { queen: none, hive: none, worker: none, probe: none };
  const table = { ...operations, worker_polish: { ...spec, summary: 'Polish a worker' }, kettle_boil: spec };
  const groups = Object.values(fleetCommands(roles, table)).map((make) => make());
  const find = (noun: string, verb: string): Command | undefined =>
    groups.find((group) => group.name() === noun)?.commands.find((command) => command.name() === verb);
  expect(find('worker', 'polish')?.summary()).toBe('Polish a worker');
  expect(find('kettle', 'boil')).toBeDefined();
  expect(find('worker', 'spawn')?.options.map(({ long }) => long)).toContain('--device');
});

test.each([[['qwen3', '8b']], [['qwen3 8b']], [['--query', 'qwen3 8b']], [['qwen3', '8b', '--limit', '5']]])(
  'the words %j are one query',
  (argv) => {
    const search = operations.model_search;
    const command = operationCommand('model_search', search).exitOverride();
    command.action(() => undefined).parse(argv, { from: 'user' });
    expect(givenInput(command, search)).toMatchObject({ query: 'qwen3 8b' });
    expect(command.usage()).toBe('<query...> [options]');
  },
);
