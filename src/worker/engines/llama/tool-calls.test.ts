import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnswerEvent, Engine, GenerateRequest, Generation } from '../engine.ts';
import { answer, loadTiny, never, request } from './fixtures/engine.ts';
import { modelWorkshop } from './fixtures/gguf.ts';
import { templateSources } from './fixtures/templates.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await loadTiny({ slots: 4 });
});

afterAll(() => engine.close());

const weather = {
  name: 'get_weather',
  description: 'The weather of a place',
  parameters: {
    type: 'object',
    properties: {
      city: { type: 'string', maxLength: 12 },
      unit: { enum: ['C', 'F'] },
      days: { type: 'integer', minimum: 1, maximum: 9 },
    },
    required: ['city', 'days'],
  },
};
const now = { name: 'now' };

async function call(options: Partial<GenerateRequest>): Promise<Generation & { events: AnswerEvent[] }> {
  const events: AnswerEvent[] = [];
  const generation = engine.generate(request('What is the weather in Delft?', options), never);
  for (;;) {
    const next = await generation.next();
    if (next.done) return { ...next.value, events };
    if (next.value.kind !== 'prompt') events.push(next.value);
  }
}

test('a required call has a tool of the request and arguments that match its schema', async () => {
  const { events, ...made } = await call({
    tools: [weather, now],
    toolChoice: { names: ['get_weather'], required: true },
    isOneCall: true,
  });
  expect(made).toMatchObject({
    text: '',
    finishReason: 'tool_calls',
    toolCalls: [{ id: expect.stringMatching(/^call_[A-Za-z0-9]{24}$/) as string, name: 'get_weather' }],
  });
  const args = JSON.parse(made.toolCalls?.[0]?.arguments ?? '') as Record<string, unknown>;
  expect(args).toMatchObject({ city: expect.any(String) as string, days: expect.any(Number) as number });
  expect(events[0]).toEqual({ kind: 'tool_call', index: 0, id: made.toolCalls?.[0]?.id, name: 'get_weather' });
  expect(events.slice(1).every(({ kind }) => kind === 'tool_arguments')).toBe(true);
  expect(events.length).toBeGreaterThan(2);
});

test('the schemas of tools are not read on after an abort', async () => {
  const [abort, reason, ignored] = [new AbortController(), new TypeError('no reader'), [] as string[]];
  const asked = request([], {
    raw: { tokens: [1, 2, 3] },
    tools: Array.from({ length: 9 }, (_, index) => ({ name: `tool-${String(index)}`, parameters: { not: { type: 'object' } } })),
    onIgnored: (places) => ignored.push(...places),
  });
  const generating = engine.generate(asked, abort.signal).next();
  abort.abort(reason);
  await expect(generating).rejects.toBe(reason);
  expect(ignored).toEqual([]);
});

test('a tool without parameters is called without arguments', async () => {
  const { toolCalls } = await call({ tools: [now], toolChoice: 'required', isOneCall: true });
  expect(toolCalls).toMatchObject([{ name: 'now', arguments: '{}' }]);
});

test('several calls have indices and ids of their own', async () => {
  const { toolCalls = [], events } = await call({
    tools: [now],
    toolChoice: 'required',
    temperature: 1.5,
    topK: 0,
    topP: 1,
    minP: 0,
    seed: 4,
    maxTokens: 200,
  });
  expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(toolCalls.length);
  expect(events.flatMap((event) => (event.kind === 'tool_call' ? event.index : []))).toEqual(toolCalls.map((_, index) => index));
});

test('a call that is cut has the length as its reason to end', async () => {
  expect(await call({ tools: [weather], toolChoice: 'required', maxTokens: 3 })).toMatchObject({
    finishReason: 'length',
    completionTokens: 3,
  });
});

test('where the model may call and does not, the answer is its text', async () => {
  const plain = await answer(engine, 'What does a bee do?');
  for (const toolChoice of ['auto', 'none'] as const)
    expect(await answer(engine, 'What does a bee do?', { tools: [weather], toolChoice })).toMatchObject({
      text: plain.text,
      finishReason: 'stop',
      toolCalls: [],
    });
});

test('an answer with a schema is JSON of it or calls, also where calls are JSON without a mark', async () => {
  const jsonSchema = { type: 'object', properties: { name: { enum: ['b'] } }, required: ['name'] };
  const made = new Set<string>();
  for (const [seed, question] of [
    [1, 'Give JSON'],
    [2, 'Call it'],
    [5, 'Now?'],
    [8, 'Bees'],
  ] as const) {
    const asked = { tools: [now], toolChoice: 'auto', jsonSchema, temperature: 1.5, seed, isOneCall: true } as const;
    const { text, toolCalls, finishReason } = await answer(engine, question, asked);
    if (finishReason === 'tool_calls') expect({ text, toolCalls }).toMatchObject({ text: '', toolCalls: [{ arguments: '{}' }] });
    else expect({ json: JSON.parse(text) as unknown, toolCalls }).toEqual({ json: { name: 'b' }, toolCalls: [] });
    made.add(finishReason);
  }
  expect([...made].sort()).toEqual(['stop', 'tool_calls']);
});

test('what a grammar cannot hold of a tool is ignored and reported, and the tool is still callable', async () => {
  let ignored: readonly string[] = [];
  const strange = {
    name: 'x',
    parameters: { type: 'object', properties: { a: { type: 'string', pattern: '(a)\\1', maxLength: 4 } }, required: ['a'] },
  };
  const { toolCalls } = await call({
    tools: [strange],
    toolChoice: 'required',
    isOneCall: true,
    onIgnored: (places) => (ignored = places),
  });
  expect(ignored).toEqual(['tools.x.properties.a.pattern']);
  expect(JSON.parse(toolCalls?.[0]?.arguments ?? '')).toEqual({ a: expect.any(String) as string });
});

test('where no call may be made, the tools stay in the prompt, and the answer is its text', async () => {
  const asked = { tools: [weather], temperature: 0, maxTokens: 30 };
  const [none, auto] = [await call({ ...asked, toolChoice: 'none' }), await call({ ...asked, toolChoice: 'auto' })];
  expect(none.toolCalls).toEqual([]);
  expect([none.finishReason, none.promptTokens]).toEqual([auto.finishReason, auto.promptTokens]);
  expect(none.text).not.toBe('');
});

test.each([
  ['contradicts itself', { type: 'object', properties: { to: { const: 'x', minLength: 2 } }, required: ['to'] }],
  ['is of another type', { type: 'string' }],
  ['has a type that does not exist', { type: 'blob' }],
])('the arguments of a tool whose schema %s are an object', async (_what, parameters) => {
  let ignored: readonly string[] = [];
  const asked = { tools: [{ name: 'mail', parameters }], toolChoice: 'required' as const, isOneCall: true, temperature: 0 };
  const made = await call({ ...asked, onIgnored: (places) => (ignored = places) });
  expect(ignored[0]).toMatch(/^tools\.mail/);
  // Cut or whole: a text would begin with its quote.
  expect(made.toolCalls?.[0]?.arguments).toMatch(/^\{/);
});

test('a tool with a schema of eight thousand alternatives may be called with any object', async () => {
  const either = () => ({ anyOf: [{ required: ['a'] }, { required: ['b'] }] });
  const huge = { name: 'x', parameters: { type: 'object', allOf: Array.from({ length: 13 }, either) } };
  let ignored: readonly string[] = [];
  const asked = { tools: [huge], toolChoice: 'required' as const, isOneCall: true, maxTokens: 60 };
  const { toolCalls, finishReason } = await call({ ...asked, onIgnored: (places) => (ignored = places) });
  expect(ignored).toEqual(['tools.x']);
  expect(toolCalls?.[0]?.name).toBe('x');
  if (finishReason === 'tool_calls') expect(JSON.parse(toolCalls?.[0]?.arguments ?? '')).toBeTypeOf('object');
});

test.each([
  [{ names: ['missing'], required: true }, "tool_choice names 'missing', which is not in tools"],
  ['required' as const, 'tool_choice requires a call, but there are no tools'],
])('a choice of a tool that is not there is refused: %j', async (toolChoice, message) => {
  await expect(call({ tools: toolChoice === 'required' ? [] : [weather], toolChoice })).rejects.toMatchObject({
    code: 'invalid_input',
    message,
  });
});

test('a model whose template has a form of calls writes them in it', async () => {
  const workshop = await modelWorkshop();
  // As Qwen's, without its control tokens, which the tiny model does not have.
  const template = `{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls or [] %}
<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>{% endfor %}[end]{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}{% if add_generation_prompt %}[assistant]{% endif %}`;
  const templated = await loadTiny({ modelPath: await workshop.make({ set: { 'tokenizer.chat_template': template } }) });
  try {
    const made = await answer(templated, 'Hello', { tools: [now], toolChoice: 'required', isOneCall: true });
    expect(made).toMatchObject({ finishReason: 'tool_calls', text: '', toolCalls: [{ name: 'now', arguments: '{}' }] });
    const jsonSchema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] };
    for (const seed of [1, 2, 3]) {
      const either = await answer(templated, 'Hello', {
        tools: [now],
        jsonSchema,
        isOneCall: true,
        temperature: 3,
        topK: 0,
        topP: 1,
        minP: 0,
        seed,
      });
      if (either.finishReason === 'tool_calls')
        expect(either).toMatchObject({ text: '', toolCalls: [{ name: 'now', arguments: '{}' }] });
      else expect(JSON.parse(either.text)).toEqual({ a: expect.any(Boolean) as boolean });
    }
    const without = await answer(templated, 'Hello', { tools: [now] });
    // The beginning of the call is part of the prompt.
    expect(made.promptTokens).toBeGreaterThan(without.promptTokens);
  } finally {
    await templated.close();
    await workshop.clear();
  }
});

describe('a required call in the form of', () => {
  const workshop = modelWorkshop();
  afterAll(async () => (await workshop).clear());

  test.each(['Qwen3-Coder', 'GLM-4.6', 'openai-gpt-oss-120b', 'MiniMax-M2'])('%s', async (name) => {
    const set = { 'tokenizer.chat_template': templateSources.get(name) ?? '' };
    const templated = await loadTiny({ modelPath: await (await workshop).make({ set }) });
    try {
      const asked = {
        tools: [weather, now],
        toolChoice: { names: ['get_weather'], required: true },
        isOneCall: true,
        reasoning: { on: false },
      };
      const made = await answer(templated, 'Delft?', { ...asked, temperature: 1.5, seed: 7, maxTokens: 400 });
      expect(made).toMatchObject({ text: '', finishReason: 'tool_calls', toolCalls: [{ name: 'get_weather' }] });
      const args = JSON.parse(made.toolCalls?.[0]?.arguments ?? '') as Record<string, unknown>;
      expect(args).toMatchObject({ city: expect.any(String) as string, days: expect.any(Number) as number });
      expect(Object.keys(args).every((key) => ['city', 'unit', 'days'].includes(key))).toBe(true);
      expect(await templated.countTokens(request('Delft?', asked), never)).toBe(made.promptTokens);
    } finally {
      await templated.close();
    }
  });
});

test('the schema of an answer holds behind reasoning that the model opens itself, and the model may leave it out', async () => {
  const workshop = await modelWorkshop();
  // The template knows the tags, and its prompt opens none.
  const template = `{% for m in messages %}{{ m.content }}{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}
{% endfor %}{% if add_generation_prompt %}A:{% endif %}`;
  const templated = await loadTiny({ modelPath: await workshop.make({ set: { 'tokenizer.chat_template': template } }) });
  try {
    const jsonSchema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] };
    // The tokens "<", which begins the opening tag, and "{", which begins the answer.
    const [opening, brace] = [63, 126];
    const asked = { jsonSchema, maxTokens: 40, reasoning: { budget: 4 } };
    const thinking = await answer(templated, 'Hi', { ...asked, bias: { [opening]: 100 } });
    expect(thinking.reasoningTokens).toBe(4);
    expect(JSON.parse(thinking.text)).toEqual({ a: expect.any(Boolean) as boolean });
    const plain = await answer(templated, 'Hi', { ...asked, bias: { [brace]: 100 } });
    expect(plain.reasoningTokens).toBe(0);
    expect(JSON.parse(plain.text)).toEqual({ a: expect.any(Boolean) as boolean });
    const without = await answer(templated, 'Hi', { ...asked, reasoning: { on: false }, bias: { [opening]: 100 } });
    expect(without).toMatchObject({ reasoningTokens: 0, text: expect.stringMatching(/^\{"a": ?(?:true|false)\}$/) as string });
  } finally {
    await templated.close();
    await workshop.clear();
  }
});

test('a model that ends its answer inside of its reasoning still makes what is required of it', async () => {
  const workshop = await modelWorkshop();
  const template = `{% for m in messages %}{{ m.content }}{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}
{% endfor %}{% if add_generation_prompt %}A:<think>{% endif %}`;
  const templated = await loadTiny({ modelPath: await workshop.make({ set: { 'tokenizer.chat_template': template } }) });
  try {
    const free = await answer(templated, 'Hi');
    expect(free).toMatchObject({ text: '', finishReason: 'stop', reasoningTokens: free.completionTokens });
    const tools = [weather];
    const called = await answer(templated, 'Hi', { tools, toolChoice: 'required', isOneCall: true });
    expect(called).toMatchObject({ text: '', finishReason: 'tool_calls', toolCalls: [{ name: 'get_weather' }] });
    const jsonSchema = { type: 'object', properties: { a: { type: 'boolean' } }, required: ['a'] };
    const made = await answer(templated, 'Hi', { jsonSchema });
    expect(JSON.parse(made.text)).toEqual({ a: expect.any(Boolean) as boolean });
  } finally {
    await templated.close();
    await workshop.clear();
  }
});
