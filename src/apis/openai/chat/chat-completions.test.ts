import { describe, expect, test } from 'vitest';
import { operations, type JobEvent, type OutputOf } from '../../../contract/index.ts';
import type { AnswerEvent } from '../../common/index.ts';
import { parseFields } from '../../common/parse-body.ts';
import { chatCompletions } from './chat-completions.ts';

const models = { list: () => [], resolve: (name: string) => name.replace(/:latest$/, ''), header: async () => ({}) };
const user = { role: 'user', content: 'hi' };

function translate(fields: object, ip = '127.0.0.1') {
  const body = JSON.stringify({ model: 'tiny', messages: [user], ...fields });
  return chatCompletions(models)({ body, ip } as never);
}

/** The input of the first job, as the operation takes it. */
function input(fields: object): Record<string, unknown> {
  const { inputs } = translate(fields);
  return parseFields(operations.infer.input, inputs[0] ?? {});
}

const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } };
const shout = { type: 'custom', custom: { name: 'shout', description: 'Shouts' } };

describe('a chat completion is translated', () => {
  test.each([
    [
      'null counts as absent',
      { temperature: null, stop: null, tools: null, n: null, seed: null },
      { temperature: undefined, stop: undefined },
    ],
    ['max_completion_tokens before max_tokens', { max_tokens: 5, max_completion_tokens: 6 }, { max_tokens: 6 }],
    ['a limit beyond every context', { max_tokens: 32_000_000 }, { max_tokens: 1_000_000 }],
    ['a stop of one string', { stop: 'END' }, { stop: ['END'] }],
    ['an empty stop', { stop: '' }, { stop: undefined }],
    ['more candidates than a vocabulary has', { top_k: 1_000_000 }, { top_k: 100_000 }],
    ['all candidates', { top_k: -1 }, { top_k: 0 }],
    ['a negative seed', { seed: -1 }, { seed: undefined }],
    ['a seed of 64 bits', { seed: 2 ** 40 + 7 }, { seed: 7 }],
    ['fields that it does not know', { store: true, metadata: { a: 1 }, whatever: [1] }, {}],
    [
      'no penalties, where a model may recommend one',
      { presence_penalty: 0, repeat_penalty: 1 },
      { presence_penalty: 0, repeat_penalty: 1 },
    ],
    ['JSON of any kind', { response_format: { type: 'json_object' } }, { json: true }],
    [
      'a strict schema',
      { response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' }, strict: true } } },
      { json_schema: { type: 'object' }, strict: true },
    ],
    [
      "llama.cpp's schema",
      { response_format: { type: 'json_object', schema: { type: 'object' } } },
      { json_schema: { type: 'object' }, strict: false },
    ],
    [
      'a custom tool',
      { tools: [shout] },
      {
        tools: [{ name: 'shout', description: 'Shouts', parameters: expect.objectContaining({ required: ['input'] }) as object }],
      },
    ],
    ['a tool of another type', { tools: [{ type: 'web_search' }] }, { tools: undefined }],
    [
      'a named tool, which is called once',
      { tools: [weather, shout], tool_choice: { type: 'function', function: { name: 'weather' } }, parallel_tool_calls: true },
      { tool_choice: { names: ['weather'], required: true }, parallel_tool_calls: false },
    ],
    [
      'allowed tools, which may be called several times',
      { tools: [weather, shout], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [weather] } } },
      { tool_choice: { names: ['weather'], required: false }, parallel_tool_calls: undefined },
    ],
    [
      'functions',
      { functions: [weather.function], function_call: { name: 'weather' } },
      { tools: [weather.function], tool_choice: { names: ['weather'], required: true }, parallel_tool_calls: false },
    ],
    ['no reasoning', { reasoning_effort: 'minimal' }, { reasoning: { on: false } }],
    ['much reasoning', { reasoning: { effort: 'xhigh' } }, { reasoning: { on: true, effort: 'high' } }],
    ['log probabilities', { logprobs: true, top_logprobs: 3 }, { logprobs: true, top_logprobs: 3 }],
    ['no alternatives and no log probabilities', { top_logprobs: 0 }, { top_logprobs: undefined }],
    ['a context and how long it stays', { keep_alive: '5m', options: { num_ctx: 8192 } }, { keep_alive: 300, context: 8192 }],
    ['the latest of a model', { model: 'tiny:latest' }, { model: 'tiny' }],
  ] as [string, object, object][])('%s', (_what, fields, expected) => {
    const translated = input(fields);
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, translated[key]]))).toEqual(expected);
  });

  test('its messages, with the calls and results of tools', () => {
    const messages = [
      { role: 'developer', content: 'Be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'input_text', text: 'b' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
        name: 'me',
      },
      {
        role: 'assistant',
        content: null,
        reasoning: 'hm',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: 'not json' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'rain' }] },
      { role: 'assistant', function_call: { name: 'weather', arguments: '{"a":1}' } },
      { role: 'function', name: 'weather', content: 'sun' },
    ];
    expect(input({ messages })['messages']).toEqual([
      { role: 'system', content: 'Be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
          { type: 'image', media_type: 'image/png', data: 'AAAA' },
        ],
      },
      {
        role: 'assistant',
        content: '',
        reasoning: 'hm',
        tool_calls: [{ id: 'call_1', name: 'weather', arguments: '{"_raw":"not json"}' }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
      { role: 'assistant', content: '', tool_calls: [{ id: 'call_4', name: 'weather', arguments: '{"a":1}' }] },
      { role: 'tool', name: 'weather', tool_call_id: 'call_4', content: 'sun' },
    ]);
  });

  test('an answer that has reasoning alone, as a client sends it back', () => {
    const messages = [user, { role: 'assistant', content: null, reasoning_content: 'hm' }, user];
    expect(input({ messages })['messages']).toMatchObject([{}, { role: 'assistant', content: '', reasoning: 'hm' }, {}]);
  });

  test('several choices, each with a seed of its own', () => {
    expect(translate({ n: 3, seed: 5 }).inputs.map(({ seed }) => seed)).toEqual([5, 6, 7]);
  });

  test.each([
    ['no messages', { messages: [] }, 'messages'],
    ['an unknown role', { messages: [{ role: 'king', content: 'x' }] }, 'messages[0].role'],
    ['no content', { messages: [user, { role: 'user' }] }, 'messages[1].content'],
    [
      'an image to be fetched',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://x/y.png' } }] }] },
      'messages[0].content[0].image_url',
    ],
    ['audio', { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'messages[0].content[0]'],
    ['an answer in audio', { modalities: ['text', 'audio'] }, 'modalities'],
    ['a temperature that is a text', { temperature: 'hot' }, 'temperature'],
    [
      'a choice of a tool that is not there',
      { tools: [weather], tool_choice: { type: 'function', function: { name: 'other' } } },
      'tool_choice',
    ],
    ['a required call without tools', { tool_choice: 'required' }, 'tool_choice'],
    ['an unknown format', { response_format: { type: 'xml' } }, 'response_format.type'],
    [
      'a schema without a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'x' } } },
      'response_format.json_schema.schema',
    ],
    [
      'a strict format without a schema',
      { response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true } } },
      'response_format.json_schema.schema',
    ],
    ['alternatives without log probabilities', { top_logprobs: 3 }, 'top_logprobs'],
    ['no model', { model: null }, 'model'],
    ['17 choices', { n: 17 }, 'n'],
  ] as [string, object, string][])('%s is refused by its place', (_what, fields, param) => {
    let refused: unknown;
    try {
      input(fields);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({ code: 'invalid_input', param });
  });

  test('the path of a file is taken from this machine alone', () => {
    expect(() => translate({ model: '/models/x.gguf' })).not.toThrow();
    expect(() => translate({ model: '/models/x.gguf' }, '192.168.1.2')).toThrow(/only programs on this machine/);
    expect(() => translate({ model: 'org/name' }, '192.168.1.2')).not.toThrow();
  });
});

const result = (fields: Partial<OutputOf<'infer'>> = {}): OutputOf<'infer'> => ({
  ...{ text: '', finish_reason: 'stop', model: 'tiny', worker_id: 'w', seed: 1 },
  usage: { prompt_tokens: 10, cached_tokens: 4, completion_tokens: 3, reasoning_tokens: 1 },
  timings: { queue_ms: 0, first_token_ms: 1, tokens_per_s: 100 },
  ...fields,
});

interface Chunk {
  choices: { index: number; delta: Record<string, unknown>; logprobs: unknown; finish_reason: string | null }[];
  usage?: unknown;
}

function stream(fields: object, events: JobEvent[], output: Partial<OutputOf<'infer'>> = {}): { chunks: Chunk[]; text: string } {
  const { answer } = translate({ stream: true, ...fields });
  if (typeof answer === 'function') throw new Error('not a stream');
  const all: AnswerEvent<'infer'>[] = [...events, { kind: 'result', data: result(output) }];
  const text = all.map((event) => answer.event(event, 0)).join('') + (answer.end?.() ?? '');
  const lines = text.trimEnd().split('\n\n');
  expect(lines.at(-1)).toBe('data: [DONE]');
  return { text, chunks: lines.slice(0, -1).map((line) => JSON.parse(line.replace(/^data: /, '')) as Chunk) };
}

const token = (text: string): JobEvent => ({ kind: 'token', data: { text } });
const deltas = (chunks: Chunk[]) => chunks.map(({ choices: [choice] }) => choice?.finish_reason ?? choice?.delta);

describe('the stream of a chat completion', () => {
  test('is the role, reasoning, text, the reason of the end, and the usage', () => {
    const { chunks, text } = stream({ stream_options: { include_usage: true } }, [
      { kind: 'reasoning', data: { text: 'hm' } },
      token('a'),
      token('b'),
    ]);
    expect(deltas(chunks)).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'hm', reasoning: 'hm' },
      { content: 'a' },
      { content: 'b' },
      'stop',
      undefined,
    ]);
    expect(chunks.map(({ usage }) => usage)).toEqual([
      ...Array.from({ length: 5 }, () => null),
      {
        ...{ prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 },
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    ]);
    expect(text).not.toMatch(/^event:|"error"/m);
  });

  test('has the same id and time in every chunk, and no usage that was not asked for', () => {
    const { chunks } = stream({}, [token('a')]);
    const heads = chunks.map((chunk) => ({ ...chunk, choices: undefined, timings: undefined }));
    expect(new Set(heads.map((head) => JSON.stringify(head))).size).toBe(1);
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
  });

  test('identifies a call once; later deltas have its index and a piece of its arguments', () => {
    const { chunks } = stream(
      { tools: [weather, shout] },
      [
        { kind: 'tool_call', data: { index: 0, id: 'call_a', name: 'weather' } },
        { kind: 'tool_arguments', data: { index: 0, text: '{"a"' } },
        { kind: 'tool_arguments', data: { index: 0, text: ':1}' } },
        { kind: 'tool_call', data: { index: 1, id: 'call_b', name: 'shout' } },
        { kind: 'tool_arguments', data: { index: 1, text: '{"input":"H' } },
        { kind: 'tool_arguments', data: { index: 1, text: 'EY"}' } },
      ],
      { finish_reason: 'tool_calls' },
    );
    expect(deltas(chunks)).toEqual([
      { role: 'assistant', content: null },
      { tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      { tool_calls: [{ index: 1, id: 'call_b', type: 'custom', custom: { name: 'shout', input: '' } }] },
      { tool_calls: [{ index: 1, custom: { input: 'HEY' } }] },
      'tool_calls',
    ]);
  });

  test('has one function_call for functions', () => {
    const { chunks } = stream(
      { functions: [weather.function] },
      [
        { kind: 'tool_call', data: { index: 0, id: 'call_a', name: 'weather' } },
        { kind: 'tool_arguments', data: { index: 0, text: '{}' } },
      ],
      { finish_reason: 'tool_calls' },
    );
    expect(deltas(chunks).slice(1)).toEqual([
      { function_call: { name: 'weather', arguments: '' } },
      { function_call: { arguments: '{}' } },
      'function_call',
    ]);
  });

  test('has log probabilities with their text', () => {
    const logprob = { token: 'a', logprob: -0.5, bytes: [97], top: [{ token: 'b', logprob: -1, bytes: [98] }] };
    const { chunks } = stream({ logprobs: true }, [{ kind: 'token', data: { text: 'a', logprobs: [logprob] } }]);
    expect(chunks[1]?.choices[0]?.logprobs).toEqual({
      content: [{ token: 'a', logprob: -0.5, bytes: [97], top_logprobs: logprob.top }],
      refusal: null,
    });
  });
});

describe('a chat completion in one piece', () => {
  const whole = (fields: object, output: Partial<OutputOf<'infer'>>) => {
    const { answer } = translate(fields);
    if (typeof answer !== 'function') throw new Error('a stream');
    return (answer([result(output)]) as { choices: { message: object; finish_reason: string }[] }).choices[0];
  };

  test.each([
    ['text', {}, { text: 'a' }, { content: 'a', refusal: null }],
    ['an empty text', {}, {}, { content: '', refusal: null }],
    ['reasoning', {}, { text: 'a', reasoning: 'hm' }, { content: 'a', refusal: null, reasoning_content: 'hm', reasoning: 'hm' }],
    [
      'a call',
      { tools: [weather] },
      { tool_calls: [{ id: 'c', name: 'weather', arguments: '{}' }] },
      {
        content: null,
        refusal: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      },
    ],
    [
      'a custom call',
      { tools: [shout] },
      { tool_calls: [{ id: 'c', name: 'shout', arguments: '{"input":"HEY"}' }] },
      { content: null, refusal: null, tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'shout', input: 'HEY' } }] },
    ],
    [
      'a function call',
      { functions: [weather.function] },
      { tool_calls: [{ id: 'c', name: 'weather', arguments: '{}' }] },
      { content: null, refusal: null, function_call: { name: 'weather', arguments: '{}' } },
    ],
  ] as [string, object, Partial<OutputOf<'infer'>>, object][])('%s', (_what, fields, output, message) => {
    expect(whole(fields, output)?.message).toEqual({ role: 'assistant', ...message });
  });
});
