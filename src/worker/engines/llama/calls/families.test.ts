import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerGrammar } from '../answer-grammar.ts';
import { AnswerReader, type ReadsAnswer } from '../answer-reader.ts';
import { ChannelReader } from '../channel-reader.ts';
import { templateSources, writerOf } from '../fixtures/templates.ts';
import { GbnfSampler } from '../schema/fixtures/gbnf-sampler.ts';
import { readSchema } from '../schema/schema-reader.ts';
import { PLAIN, toolFormOf } from '../template/capabilities.ts';
import type { TemplateCall } from '../template/conversation.ts';
import { renderPrompt, type PromptWriter } from '../template/prompt-text.ts';
import { typesOfArgument } from './argument-types.ts';
import { GENERIC_FORM } from './call-form.ts';
import type { CallTool } from './call-grammar.ts';

/** What a template of each family is called in the corpus. */
const families = {
  'one JSON object': ['Qwen-Qwen3-0.6B', 'mistralai-Mistral-Nemo-Instruct-2407', 'Mistral-Small-3.2-24B-Instruct-2506'],
  'an object with the number or the id of its call': ['moonshotai-Kimi-K2', 'Cohere2MoE', 'upstage-Solar-Open-100B'],
  'a fenced object': ['deepseek-ai-DeepSeek-R1-Distill-Qwen-32B', 'llama-cpp-deepseek-r1'],
  'one call an answer': ['meta-llama-Llama-3.1-8B-Instruct', 'GigaChat3.1-10B-A1.8B'],
  'parameters on lines': ['Qwen3-Coder', 'Qwen3.5-4B', 'NVIDIA-Nemotron-3-Nano-30B-A3B-BF16', 'StepFun3.5-Flash'],
  'parameters with keys': ['GLM-4.6', 'GLM-4.7-Flash', 'poolside-Laguna-S-2.1', 'tencent-Hy3'],
  'parameters with attributes': ['MiniMax-M2', 'ByteDance-Seed-OSS'],
  'parameters that say what is a string': ['deepseek-ai-DeepSeek-V3.2', 'deepseek-ai-DeepSeek-V4'],
  channels: ['openai-gpt-oss-120b'],
};
const names = Object.values(families).flat();
/** Their templates write lists and objects as Python does, which no model is asked for here. */
const PYTHON = ['ByteDance-Seed-OSS'];

const schemas = {
  edit_file: {
    type: 'object',
    properties: {
      path: { type: 'string' },
      text: { type: 'string' },
      line: { type: 'integer' },
      ratio: { type: ['number', 'null'] },
      all: { type: 'boolean' },
      mode: { type: 'string', enum: ['add', 'cut'] },
      tags: { type: 'array', items: { type: 'string' } },
      options: { type: 'object', properties: { deep: { type: 'boolean' } } },
    },
    required: ['path'],
  },
  now: { type: 'object', properties: {}, additionalProperties: false },
};
type Name = keyof typeof schemas;

const tools: CallTool[] = await Promise.all(
  Object.entries(schemas).map(async ([name, schema]) => ({
    name,
    shape: (await readSchema(schema, { at: name, isLoose: true })).shape,
  })),
);
const writers = new Map(names.map((name) => [name, writerOf(templateSources.get(name) ?? '')]));

test.each(Object.entries(families))('the form of %s has its kind', (family, members) => {
  const kind = family === 'channels' ? 'channels' : family.startsWith('parameters') ? 'parameters' : 'json';
  const found = members.map((name) => toolFormOf(writers.get(name)?.capabilities ?? PLAIN));
  expect(found).toEqual(members.map(() => kind));
});

interface Call {
  name: Name;
  arguments: Record<string, unknown>;
}

const text = fc.array(fc.constantFrom('a', ' ', '\n', '<', '/', '"', '\\', '{', '}', '>', 'é', '🐝', 'param', '=', "'"), {
  maxLength: 8,
});
const callsOf = (hasLists: boolean) =>
  fc.array(
    fc.oneof(
      fc.record({
        name: fc.constant('edit_file' as const),
        arguments: fc.record(
          {
            path: text.map((parts) => `p${parts.join('')}q`),
            text: text.map((parts) => `t${parts.join('')}q`),
            line: fc.nat(99),
            ratio: fc.constantFrom(0.5, null),
            all: fc.boolean(),
            mode: fc.constantFrom('add', 'cut'),
            ...(hasLists && {
              tags: fc.array(
                text.map((parts) => parts.join('')),
                { maxLength: 2 },
              ),
              options: fc.constantFrom({ deep: true }, {}),
            }),
          },
          { requiredKeys: ['path'] },
        ),
      }),
      fc.constant({ name: 'now' as const, arguments: {} }),
    ),
    { minLength: 1, maxLength: 2 },
  ) as fc.Arbitrary<Call[]>;

const described = Object.entries(schemas).map(([name, parameters]) => ({ name, description: 'D', parameters }));

/** What a template writes for an answer with these calls, behind the prompt for it. */
function written({ template, constants, capabilities }: PromptWriter, calls: readonly Call[]): string {
  const user = { role: 'user' as const, content: 'hello-user' };
  const made = calls.map((call, index): TemplateCall => ({
    ...call,
    id: `call0000${String(index)}`,
    argumentsText: JSON.stringify(call.arguments),
  }));
  const writer = { template, constants, capabilities, longest: Infinity };
  const conversation = (messages: Parameters<typeof renderPrompt>[0]['messages'], isAsked: boolean) =>
    renderPrompt({ messages, tools: described, reasoning: {}, variables: { add_generation_prompt: isAsked } }, writer).text;
  const whole = conversation([user, { role: 'assistant', content: '', calls: made }], false);
  const { before = '' } = capabilities.channels ? { before: ' to=' } : (capabilities.callForm ?? {});
  const [marker = before] = before.split(/\n|\[id\]/);
  return whole.slice(whole.indexOf(marker, whole.lastIndexOf('hello-user')));
}

function readerFor({ capabilities }: PromptWriter): ReadsAnswer {
  const { callForm: form = GENERIC_FORM, channels } = capabilities;
  const plain = { stop: [], trimSpace: false };
  if (channels)
    return new ChannelReader({ ...plain, form: channels, startsIn: 'header', isFinalOnly: false, calls: { isForced: false } });
  const typesOf = (name: string, key: string) => typesOfArgument(tools.find((tool) => tool.name === name)?.shape, key);
  return new AnswerReader({ ...plain, isSteered: true, calls: { form, isForced: false, typesOf, beginnings: [form.trigger] } });
}

function read(reader: ReadsAnswer, pieces: readonly string[]): { calls: Call[]; text: string } {
  const calls: { name: string; arguments: string }[] = [];
  let rest = '';
  const events = pieces.flatMap((piece) => {
    const first = reader.push(new TextEncoder().encode(piece));
    // A model generates again what is behind its replaced token.
    const again = first.replacement === undefined ? '' : piece.slice(first.replacement.length);
    return [...first.events, ...reader.push(new TextEncoder().encode(again)).events];
  });
  for (const event of [...events, ...reader.end()]) {
    if (event.kind === 'tool_call') calls.push({ name: event.name, arguments: '' });
    else if (event.kind === 'tool_arguments') {
      const call = calls[event.index];
      if (call) call.arguments += event.text;
    } else rest += event.text;
  }
  return {
    text: rest,
    calls: calls.map((call) => ({ name: call.name as Name, arguments: JSON.parse(call.arguments) as Call['arguments'] })),
  };
}

function grammarFor({ capabilities }: PromptWriter, begun: string): GbnfSampler {
  const form = capabilities.channels ?? capabilities.callForm ?? GENERIC_FORM;
  return new GbnfSampler(answerGrammar({ calls: { form, tools, isParallel: true, begun } }), Math.random);
}

/** Whole characters of a text, in pieces. */
function cut(whole: string, places: readonly number[]): string[] {
  const characters = [...whole];
  const ends = [...places.map((place) => place % (characters.length + 1)), characters.length].sort((a, b) => a - b);
  return ends.map((end, index) => characters.slice(ends[index - 1] ?? 0, end).join(''));
}

/** The answer up to the token that ends it. */
function withoutEnd(answer: string, after: string): string {
  const [text = ''] = answer.split(/<\/s>|<\|call\|>|<\|eom_id\|>/);
  return text.includes(after) ? text.slice(0, text.lastIndexOf(after) + after.length) : text;
}

test.each(names)('calls as the template of %s writes them are read back, and its grammar admits them', (name) => {
  const writer = writers.get(name);
  if (!writer) throw new TypeError('no template');
  const { capabilities } = writer;
  const form = capabilities.channels ?? capabilities.callForm;
  expect(form).toBeDefined();
  const grammar = grammarFor(writer, capabilities.channels?.call ?? '');
  fc.assert(
    fc.property(callsOf(!PYTHON.includes(name)), fc.array(fc.nat(500), { maxLength: 12 }), (calls, places) => {
      const asked = capabilities.severalCalls ? calls : calls.slice(0, 1);
      const answer = written(writer, asked);
      const ended = withoutEnd(answer, capabilities.callForm?.after ?? '');
      expect(read(readerFor(writer), cut(ended, places))).toEqual({ calls: asked, text: '' });
      expect(read(readerFor(writer), [...ended]).calls).toEqual(asked);
      const steered = capabilities.channels ? ended.slice(ended.indexOf('functions.') + 'functions.'.length) : ended;
      // One of them writes a line break more where there are no arguments.
      expect(grammar.admits(steered.replaceAll('>\n\n</', '>\n</'))).toBe(true);
    }),
    { numRuns: 25 },
  );
});

const ajv = new Ajv({ allowUnionTypes: true });
const validators = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]));

test.each(names)('whatever the grammar of %s admits is calls that match the schemas', (name) => {
  const writer = writers.get(name);
  if (!writer) throw new TypeError('no template');
  const grammar = grammarFor(writer, '');
  for (let count = 0; count < 25; count++) {
    const answer = (writer.capabilities.channels?.call ?? '') + grammar.text();
    const { calls, text: rest } = read(readerFor(writer), [...answer]);
    expect(rest).toBe('');
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls)
      if (validators[call.name]?.(call.arguments) !== true) expect({ answer, call }).toEqual('a call that matches its schema');
  }
});
