import { describe, expect, test } from 'vitest';
import { JobError, operations } from '../../contract/index.ts';
import { chatBody, generateBody } from './body.ts';
import { chatInputOf, knowsIds } from './chat-input.ts';
import { generateInputOf } from './generate-input.ts';

const hi = [{ role: 'user', content: 'Hi' }];
const chat = (body: object) => {
  const input = chatInputOf(chatBody.parse({ model: 'tiny', messages: hi, ...body }));
  // What leaves here is always an input of the contract.
  operations.infer.input.parse(input);
  return input;
};
const generate = (body: object) => {
  const input = generateInputOf(generateBody.parse({ model: 'tiny', prompt: 'Hi', ...body }));
  operations.infer.input.parse(input);
  return input;
};
function refusal(translate: () => unknown): string {
  try {
    translate();
  } catch (error) {
    if (error instanceof JobError && error.code === 'invalid_input') return error.message;
    throw error;
  }
  return 'accepted';
}

const plain = { model: 'tiny', stream: true, messages: hi };

test('an answer is streamed, unless the body says no; name is an older model', () => {
  expect(chat({})).toEqual(plain);
  expect(chat({ stream: false })).toEqual({ ...plain, stream: false });
  expect(chat({ model: undefined, name: 'llama' })).toEqual({ ...plain, model: 'llama' });
  expect(refusal(() => chat({ model: '' }))).toMatch(/^model: /);
});

describe('options', () => {
  test('of the sampling are passed on, and cut to what the contract takes', () => {
    const options = {
      ...{ temperature: 9, top_k: -5, top_p: 1.2, min_p: 0.1, seed: 7, num_predict: 12, stop: 'END', num_ctx: 4096 },
      ...{ repeat_penalty: 1.1, repeat_last_n: -1, presence_penalty: 3, frequency_penalty: -3, mirostat: 2, num_gpu: 99 },
    };
    expect(chat({ options })).toEqual({
      ...plain,
      ...{ temperature: 5, top_k: 0, top_p: 1, min_p: 0.1, seed: 7, max_tokens: 12, stop: ['END'], context: 4096 },
      ...{ repeat_penalty: 1.1, repeat_last_n: 1_000_000, presence_penalty: 2, frequency_penalty: -2 },
    });
  });

  test.each([
    ['no end', { num_predict: -1 }],
    ['no end', { num_predict: 0 }],
    ['a random seed', { seed: -1 }],
    ['nothing', { stop: ['', null].slice(0, 1), temperature: null }],
    ['no penalty', { repeat_penalty: 0 }],
  ])('that mean %s are left out: %j', (_means, options) => {
    expect(chat({ options })).toEqual(plain);
  });

  test('beside the options count where the options have none', () => {
    expect(chat({ temperature: 0.5, max_output_tokens: 5 })).toMatchObject({ temperature: 0.5, max_tokens: 5 });
    expect(chat({ temperature: 0.5, options: { temperature: 0.1 } })).toMatchObject({ temperature: 0.1 });
  });
});

describe('keep_alive', () => {
  test.each([
    [300, 300],
    [0, 0],
    [-1, -1],
    [-5, -1],
    ['5m', 300],
    ['1h30m', 5_400],
    ['1.5h', 5_400],
    ['500ms', 0.5],
    ['0', 0],
    ['0s', 0],
    ['-1s', -1],
    ['-1', -1],
    ['24h', 86_400],
    ['900000h', 31_536_000],
  ])('%j is %d s', (keep_alive, seconds) => {
    expect(chat({ keep_alive }).keep_alive).toBe(seconds);
  });

  test.each(['soon', '5 minutes', 'm'])('%j is refused', (keep_alive) => {
    expect(refusal(() => chat({ keep_alive }))).toMatch(/^keep_alive: /);
  });
});

test.each([
  [{ format: 'json' }, { json: true }],
  [{ format: { type: 'object' } }, { json_schema: { type: 'object' } }],
  [{ format: '' }, {}],
  [{ think: true }, { reasoning: { on: true } }],
  [{ think: false }, { reasoning: { on: false } }],
  [{ think: 'max' }, { reasoning: { on: true, effort: 'high' } }],
  [{ think: null }, {}],
  [
    { logprobs: true, top_logprobs: 3 },
    { logprobs: true, top_logprobs: 3 },
  ],
  [{ top_logprobs: 3 }, {}],
  [{ truncate: true, shift: false, options: null, keep_alive: null, tools: null }, {}],
])('%j', (body, expected) => {
  expect(chat(body)).toEqual({ ...plain, ...expected });
});

test.each([
  [{ format: 'yaml' }, /^format: /],
  [{ think: 'hard' }, /^think: /],
])('%j is refused', (body, words) => {
  expect(refusal(() => chat(body))).toMatch(words);
});

describe('a conversation with tools', () => {
  const call = (name: string, input: object, id?: string) => ({
    ...(id === undefined ? {} : { id }),
    function: { name, arguments: input },
  });
  const conversation = (...results: object[]) => ({
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'assistant', content: '', thinking: 'Hm.', tool_calls: [call('weather', { town: 'Ghent' }), call('now', {})] },
      ...results,
    ],
  });

  test.each([
    ['the names of tools', [{ tool_name: 'now' }, { tool_name: 'weather' }], ['call_1_1', 'call_1_0']],
    ['their order alone', [{}, {}], ['call_1_0', 'call_1_1']],
  ])('without ids: results answer the open calls by %s', (_by, results, ids) => {
    const body = conversation(...results.map((each) => ({ role: 'tool', content: 'x', ...each })));
    const calls = [
      { id: 'call_1_0', name: 'weather', arguments: '{"town":"Ghent"}' },
      { id: 'call_1_1', name: 'now', arguments: '{}' },
    ];
    const names = ids.map((id) => calls.find((each) => each.id === id)?.name);
    expect(chat(body).messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'assistant', content: '', reasoning: 'Hm.', tool_calls: calls },
      { role: 'tool', content: 'x', tool_call_id: ids[0], name: names[0] },
      { role: 'tool', content: 'x', tool_call_id: ids[1], name: names[1] },
    ]);
    expect(knowsIds(chatBody.parse(body))).toBe(false);
  });

  test('ids are kept, and a result for a call that is not there keeps what it says', () => {
    const messages = [
      { role: 'assistant', tool_calls: [call('now', {}, 'a')] },
      { role: 'tool', content: 'x', tool_call_id: 'a' },
      { role: 'tool', content: 'y', tool_name: 'other' },
    ];
    expect(chat({ messages }).messages).toEqual([
      { role: 'assistant', content: '', tool_calls: [{ id: 'a', name: 'now', arguments: '{}' }] },
      { role: 'tool', content: 'x', tool_call_id: 'a', name: 'now' },
      { role: 'tool', content: 'y', name: 'other' },
    ]);
    expect(knowsIds(chatBody.parse({ messages }))).toBe(true);
  });

  test('tools and the wish for one are passed on; what is no function is ignored', () => {
    const tools = [{ type: 'function', function: { name: 'now', description: 'd', parameters: {} } }, { type: 'retrieval' }];
    expect(chat({ tools, tool_choice: 'required' })).toMatchObject({
      tools: [{ name: 'now', description: 'd', parameters: {} }],
      tool_choice: 'required',
    });
    expect(chat({ tools, tool_choice: { type: 'function', function: { name: 'now' } } })).toMatchObject({
      tool_choice: { names: ['now'], required: true },
    });
    expect(refusal(() => chat({ tools, tool_choice: { function: { name: 'then' } } }))).toMatch(/no tool has the name 'then'/);
    expect(refusal(() => chat({ tool_choice: 'required' }))).toMatch(/^tool_choice: /);
  });
});

test('images come before the text, with the type that their first bytes tell', () => {
  const images = [Buffer.from([0xff, 0xd8, 0xff, 0xe0]).toString('base64'), Buffer.from('GIF8').toString('base64'), 'iVBORw0K'];
  const types = ['image/jpeg', 'image/gif', 'image/png'];
  const parts = images.map((data, index) => ({ type: 'image', media_type: types[index], data }));
  expect(chat({ messages: [{ role: 'user', content: 'What?', images }] }).messages).toEqual([
    { role: 'user', content: [...parts, { type: 'text', text: 'What?' }] },
  ]);
  expect(generate({ prompt: 'What?', images }).messages).toEqual([
    { role: 'user', content: [...parts, { type: 'text', text: 'What?' }] },
  ]);
});

describe('/api/generate', () => {
  test.each([
    [{}, { messages: hi }],
    [{ system: 'Be brief.' }, { messages: [{ role: 'system', content: 'Be brief.' }, ...hi] }],
    [
      { raw: true, system: 'ignored' },
      { prompt: 'Hi', raw: true },
    ],
    [{ suffix: 'end' }, { prompt: 'Hi', raw: true, suffix: 'end' }],
    [{ template: '', context: [], suffix: '' }, { messages: hi }],
  ])('%j', (body, expected) => {
    expect(generate(body)).toEqual({ model: 'tiny', stream: true, ...expected });
  });

  test.each([
    [{ template: '{{ .Prompt }}' }, /^template: /],
    [{ context: [1, 2] }, /^context: /],
  ])('%j is refused', (body, words) => {
    expect(refusal(() => generate(body))).toMatch(words);
  });
});
