import { describe, expect, test } from 'vitest';
import { operations, type JobEvent, type OutputOf } from '../../../contract/index.ts';
import type { AnswerEvent } from '../../common/index.ts';
import { parseFields } from '../../common/parse-body.ts';
import { encryptedContent } from './reasoning-item.ts';
import { responses } from './responses.ts';

const models = { list: () => [], resolve: (name: string) => name, header: async () => ({}) };

function translate(fields: object) {
  return responses(models)({ body: JSON.stringify({ model: 'tiny', input: 'hi', ...fields }), ip: '::1' } as never);
}

function input(fields: object): Record<string, unknown> {
  return parseFields(operations.infer.input, translate(fields).inputs[0] ?? {});
}

const run = { type: 'function', name: 'run', parameters: { type: 'object' }, strict: null };
const patch = { type: 'custom', name: 'patch', format: { type: 'grammar', syntax: 'lark', definition: 'start: /x/' } };
const files = { type: 'namespace', name: 'files', tools: [{ type: 'function', name: 'read' }] };

describe('the items of a conversation become messages', () => {
  test.each([
    [
      'text, after the instructions',
      { instructions: 'Be brief' },
      [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'hi' },
      ],
    ],
    [
      'a message without a type',
      { input: [{ role: 'developer', content: [{ type: 'input_text', text: 'a' }] }] },
      [{ role: 'system', content: 'a' }],
    ],
    [
      'reasoning, text and calls as one turn, then the results',
      {
        input: [
          { type: 'reasoning', summary: [], encrypted_content: encryptedContent('hm') },
          { type: 'function_call', call_id: 'c1', name: 'run', arguments: '{"a":1}' },
          { type: 'function_call', call_id: 'c2', name: 'read', namespace: 'files', arguments: '' },
          { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Running' }] },
          { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'done' }] },
          { type: 'function_call_output', call_id: 'c2', output: 'text' },
        ],
      },
      [
        {
          role: 'assistant',
          content: 'Running',
          reasoning: 'hm',
          tool_calls: [
            { id: 'c1', name: 'run', arguments: '{"a":1}' },
            { id: 'c2', name: 'files__read', arguments: '{}' },
          ],
        },
        { role: 'tool', content: 'done', tool_call_id: 'c1', name: 'run' },
        { role: 'tool', content: 'text', tool_call_id: 'c2', name: 'files__read' },
      ],
    ],
    [
      'a custom call',
      {
        input: [
          { type: 'custom_tool_call', call_id: 'c', name: 'patch', input: 'x' },
          { type: 'custom_tool_call_output', call_id: 'c', output: 'ok' },
        ],
      },
      [
        { role: 'assistant', content: '', tool_calls: [{ id: 'c', name: 'patch', arguments: '{"input":"x"}' }] },
        { role: 'tool', content: 'ok', tool_call_id: 'c', name: 'patch' },
      ],
    ],
    [
      'a call of the shell',
      {
        input: [
          { type: 'local_shell_call', call_id: 'c', action: { command: ['ls'] } },
          { type: 'local_shell_call_output', id: 'c', output: 'a' },
        ],
      },
      [
        { role: 'assistant', content: '', tool_calls: [{ id: 'c', name: 'local_shell', arguments: '{"command":["ls"]}' }] },
        { role: 'tool', content: 'a', tool_call_id: 'c', name: 'local_shell' },
      ],
    ],
    [
      'a search as text',
      {
        input: [
          { type: 'web_search_call', id: 'ws', status: 'completed', action: { query: 'bees' } },
          { role: 'user', content: 'so?' },
        ],
      },
      [
        { role: 'assistant', content: '{"type":"web_search_call","action":{"query":"bees"}}' },
        { role: 'user', content: 'so?' },
      ],
    ],
    [
      'foreign reasoning and unknown items, which are dropped',
      {
        input: [
          { type: 'reasoning', encrypted_content: 'gAAAA' },
          { type: 'compaction', x: 1 },
          { role: 'user', content: 'a' },
        ],
      },
      [{ role: 'user', content: 'a' }],
    ],
  ] as [string, object, object[]][])('%s', (_what, fields, messages) => {
    expect(input(fields)['messages']).toEqual(messages);
  });
});

test('tools become functions, also those of a namespace; hosted ones are dropped', () => {
  const { tools } = input({ tools: [run, patch, files, { type: 'local_shell' }, { type: 'web_search' }] }) as {
    tools: { name: string }[];
  };
  expect(tools.map(({ name }) => name)).toEqual(['run', 'patch', 'files__read', 'local_shell']);
});

test('a tool that is chosen by name is called once, those that are allowed as often as the request says', () => {
  const choose = (tool_choice: object) => translate({ tools: [run], tool_choice, parallel_tool_calls: true }).inputs[0];
  const { name } = run;
  expect(choose({ type: 'function', name })).toMatchObject({ parallel_tool_calls: false });
  expect(choose({ type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name }] })).toMatchObject({
    parallel_tool_calls: true,
  });
  expect(choose({ type: 'web_search' })).toMatchObject({ parallel_tool_calls: true });
});

test.each([
  ['previous_response_id', { previous_response_id: 'resp_1' }],
  ['conversation', { conversation: { id: 'conv_1' } }],
  ['background', { background: true }],
  ['input[0]', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
  ['input', { input: [] }],
  ['tool_choice', { tools: [run], tool_choice: { type: 'function', name: 'other' } }],
])('%s is refused by its place', (param, fields) => {
  let refused: unknown;
  try {
    translate(fields);
  } catch (error) {
    refused = error;
  }
  expect(refused).toMatchObject({ code: 'invalid_input', param });
});

const result = (fields: Partial<OutputOf<'infer'>>): OutputOf<'infer'> => ({
  ...{ text: '', finish_reason: 'stop', model: 'tiny', worker_id: 'w', seed: 1 },
  usage: { prompt_tokens: 10, completion_tokens: 3 },
  timings: { queue_ms: 0, first_token_ms: 1, tokens_per_s: 100 },
  ...fields,
});

type Event = { type: string; sequence_number: number; output_index?: number } & Record<string, unknown>;

function stream(fields: object, events: JobEvent[], output: Partial<OutputOf<'infer'>> = {}): Event[] {
  const { answer } = translate({ stream: true, ...fields });
  if (typeof answer === 'function') throw new Error('not a stream');
  const all: AnswerEvent<'infer'>[] = [...events, { kind: 'result', data: result(output) }];
  const text = (answer.begin?.() ?? '') + answer.keepAlive('x') + all.map((event) => answer.event(event, 0)).join('');
  const sent = text
    .trimEnd()
    .split('\n\n')
    .map((part) => {
      const [name = '', data = ''] = part.split('\n');
      const event = JSON.parse(data.replace('data: ', '')) as Event;
      expect(name).toBe(`event: ${event.type}`);
      return event;
    });
  expect(sent.map(({ sequence_number }) => sequence_number)).toEqual(sent.map((_, index) => index));
  return sent;
}

describe('the stream of a response', () => {
  test('adds each item, fills it and ends it before the next one', () => {
    const sent = stream({ tools: [run, patch, files] }, [
      { kind: 'reasoning', data: { text: 'hm' } },
      { kind: 'token', data: { text: 'a' } },
      { kind: 'tool_call', data: { index: 0, id: 'call_1', name: 'files__read' } },
      { kind: 'tool_arguments', data: { index: 0, text: '{}' } },
      { kind: 'tool_call', data: { index: 1, id: 'call_2', name: 'patch' } },
      { kind: 'tool_arguments', data: { index: 1, text: '{"input":"x"}' } },
    ]);
    expect(sent.map(({ type, output_index }) => (output_index === undefined ? type : `${output_index} ${type.replace('response.', '')}`))).toEqual([
      'response.created', 'response.in_progress', 'keepalive',
      '0 output_item.added', '0 content_part.added', '0 reasoning_text.delta', '0 reasoning_text.done', '0 content_part.done', '0 output_item.done',
      '1 output_item.added', '1 content_part.added', '1 output_text.delta', '1 output_text.done', '1 content_part.done', '1 output_item.done',
      '2 output_item.added', '2 function_call_arguments.delta', '2 function_call_arguments.done', '2 output_item.done',
      '3 output_item.added', '3 custom_tool_call_input.delta', '3 custom_tool_call_input.done', '3 output_item.done',
      'response.completed',
    ]); // prettier-ignore
    const { output } = sent.at(-1)?.['response'] as { output: Record<string, unknown>[] };
    expect(output).toMatchObject([
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'hm' }], encrypted_content: encryptedContent('hm') },
      { type: 'message', content: [{ type: 'output_text', text: 'a', annotations: [], logprobs: [] }], status: 'completed' },
      { type: 'function_call', call_id: 'call_1', name: 'read', namespace: 'files', arguments: '{}' },
      { type: 'custom_tool_call', call_id: 'call_2', name: 'patch', input: 'x' },
    ]);
    for (const [index, item] of output.entries()) {
      const ids = sent
        .filter(({ output_index }) => output_index === index)
        .map((event) => event['item_id'] ?? (event['item'] as { id: string }).id);
      expect(new Set(ids)).toEqual(new Set([item['id']]));
    }
  });

  test('that is cut is incomplete, and so is its last item', () => {
    const last = stream({}, [{ kind: 'token', data: { text: 'a' } }], { finish_reason: 'length' }).at(-1);
    expect(last).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [{ status: 'incomplete' }] },
    });
  });

  test('of no text has an empty message, and a usage with both details', () => {
    expect(stream({}, []).at(-1)).toMatchObject({
      response: {
        output: [{ type: 'message', content: [{ text: '' }] }],
        usage: { input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } },
      },
    });
  });
});
