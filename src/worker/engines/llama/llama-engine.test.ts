import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { answer, collect, firstPiece, loadTiny, never, request } from './fixtures/engine.ts';

const BEE = 'A bee flies from flower to flower, makes honey and lives in a hive with its sisters.';
/** About 900 of the context's 1024 tokens. */
const LONG = 'Tell me about the bee that lives in the hive near the mill. '.repeat(48);

let engine: Engine;
let slotsSeen: number[] = [];

beforeAll(async () => {
  engine = await loadTiny({ slots: 8, onSlotsChange: () => slotsSeen.push(engine.slotsUsed) });
});

afterEach(() => expect(engine.slotsUsed).toBe(0));

afterAll(() => engine.close());

describe('an answer', () => {
  test('an answer comes in pieces, with its token counts and timings', async () => {
    const before = engine.tokensGenerated;
    slotsSeen = [];
    const result = await answer(engine, 'What does a bee do?');
    expect(result).toMatchObject({ text: BEE, finishReason: 'stop', promptTokens: 15, completionTokens: 24 });
    expect(result.pieces.join('')).toBe(BEE);
    expect(result.pieces.length).toBeGreaterThan(10);
    expect(engine.tokensGenerated - before).toBe(24);
    expect(result.queueMs).toBeGreaterThanOrEqual(0);
    expect(result.prefillMs).toBeGreaterThan(0);
    expect(result.firstTokenMs).toBeGreaterThanOrEqual(result.prefillMs ?? NaN);
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(slotsSeen).toEqual([1, 0]);
  });

  test('an answer ends before a stop string, of which nothing is shown', async () => {
    const result = await answer(engine, 'What does a bee do?', { stop: [' honey and', ', makes honey'] });
    expect(result).toMatchObject({ text: 'A bee flies from flower to flower', finishReason: 'stop' });
    expect(result.pieces.join('')).toBe(result.text);
  });

  test('an answer ends with the text that was held back for a stop string that never came', async () => {
    expect(await answer(engine, 'What does a bee do?', { stop: ['sisters.\nUser:'] })).toMatchObject({
      text: BEE,
      finishReason: 'stop',
    });
  });

  test('an answer is cut after max_tokens', async () => {
    const result = await answer(engine, 'What does a bee do?', { maxTokens: 5 });
    expect(result).toMatchObject({ finishReason: 'length', completionTokens: 5 });
    expect(BEE.startsWith(result.text) && result.text !== '').toBe(true);
  });

  test('an answer of one token has no speed', async () => {
    expect(await answer(engine, 'What does a bee do?', { maxTokens: 1 })).toMatchObject({
      completionTokens: 1,
      tokensPerSecond: 0,
    });
  });

  test('an answer is cut at the end of the context, not before, and never loses its beginning', async () => {
    const result = await answer(engine, LONG, { jsonSchema: { type: 'array', items: { type: 'integer' }, minItems: 500 } });
    expect(result.finishReason).toBe('length');
    expect(result.promptTokens + result.completionTokens).toBe(engine.contextSize);
  });
});

describe('sampling', () => {
  const warm = { temperature: 1.2, topK: 0, topP: 1, minP: 0 };

  test('another seed gives another text, the same seed the same text', async () => {
    const say = async (seed: number) => (await answer(engine, 'Tell me a story', { ...warm, seed })).text;
    expect(await say(7)).toBe(await say(7));
    expect(await say(7)).not.toBe(await say(8));
  });

  test('the seed that llama.cpp reads as "any" is a seed like every other', async () => {
    const say = async () => (await answer(engine, 'Tell me a story', { ...warm, seed: 0xffff_ffff })).text;
    expect(await say()).toBe(await say());
  });

  test.each([
    ['top_k 1', { topK: 1 }],
    ['top_p 0', { topP: 0 }],
    ['min_p 1', { minP: 1 }],
  ])('with %s takes the likeliest token at any temperature', async (_, only) => {
    expect((await answer(engine, 'What does a bee do?', { ...warm, temperature: 3, ...only })).text).toBe(BEE);
  });

  const story = async (penalties: GenerateRequest['penalties'] = {}) =>
    (await answer(engine, 'Tell me a story', { penalties, maxTokens: 60 })).text;

  test.each([
    ['presence_penalty', { presence: 2 }],
    ['frequency_penalty', { frequency: 2 }],
    ['repeat_penalty', { repeat: 10 }],
  ])('%s lowers the probability of tokens that occurred recently', async (_, penalties) => {
    expect(await story(penalties)).not.toBe(await story());
    expect(await story({ ...penalties, lastTokens: 0 })).toBe(await story());
  });

  test('logit_bias changes the scores of tokens', async () => {
    const a = 100;
    expect((await answer(engine, 'Hello', { bias: { [a]: 100 }, maxTokens: 5 })).text).toBe('aaaaa');
    expect((await answer(engine, 'Hello', { bias: { [a]: -100 } })).text).not.toContain('a bee');
  });

  test.each([
    ['1024', 'logit_bias: the model has no token 1024, only 1024 tokens from 0 on'],
    ['bee', 'logit_bias: the model has no token bee, only 1024 tokens from 0 on'],
    ['2', 'logit_bias: token 2 ends an answer, and the engine cannot change its score'],
  ])('a logit_bias for token %s is refused', async (id, message) => {
    await expect(answer(engine, 'Hello', { bias: { [id]: 1 } })).rejects.toMatchObject({ code: 'invalid_input', message });
  });

  test('an answer has the same text alone and among eight', async () => {
    const requests: GenerateRequest[] = Array.from({ length: 8 }, (_, index) =>
      request(index % 3 === 2 ? LONG.slice(index * 100) : ['Tell me a story', 'What is rbee?', ''][index % 3] || 'A joke', {
        ...(index % 2 === 0 ? warm : { temperature: 0.7 }),
        seed: index,
        maxTokens: 60,
      }),
    );
    const alone: string[] = [];
    for (const each of requests) alone.push((await collect(engine.generate(each, never))).text);
    const together = await Promise.all(requests.map((each) => collect(engine.generate(each, never))));
    expect(together.map(({ text }) => text)).toEqual(alone);
  });

  test('an answer does not depend on how much of its prompt is cached', async () => {
    const options = { ...warm, seed: 3, maxTokens: 40 };
    const first = await answer(engine, LONG, options);
    const second = await answer(engine, LONG, options);
    expect(second.text).toBe(first.text);
    expect(second.cachedTokens).toBe(second.promptTokens - 2);
  });
});

test('an answer starts with the size of its prompt and how much of it was cached', async () => {
  const events = [];
  for await (const event of engine.generate(request('What does a bee do?', { maxTokens: 1 }), never)) events.push(event);
  expect(events[0]).toEqual({ kind: 'prompt', prompt_tokens: 15, cached_tokens: expect.any(Number) as number });
  expect(events.slice(1).map(({ kind }) => kind)).toEqual(['text']);
});

test('a conversation continues from the cached tokens', async () => {
  const question = { role: 'user', content: `${LONG.slice(0, 600)} What does a bee do?` } as const;
  const first = await answer(engine, [question]);
  const messages = [
    question,
    { role: 'assistant', content: first.text },
    { role: 'user', content: 'And what is rbee?' },
  ] as const;
  const second = await answer(engine, [...messages]);
  expect(second.cachedTokens).toBeGreaterThanOrEqual(first.promptTokens);
});

describe('a JSON schema', () => {
  const person = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer' } },
    required: ['name', 'age'],
  };

  test('an answer matches its JSON schema', async () => {
    const { text, finishReason } = await answer(engine, 'Give me a person as JSON', { jsonSchema: person });
    expect(finishReason).toBe('stop');
    expect(JSON.parse(text)).toEqual({ name: expect.any(String) as string, age: expect.any(Number) as number });
  });

  test('characters of a JSON schema that take several tokens arrive whole', async () => {
    const result = await answer(engine, 'Hello', { jsonSchema: { const: 'é 🐝 ü' } });
    expect(result).toMatchObject({ text: '"é 🐝 ü"', finishReason: 'stop' });
    expect(result.pieces.join('')).toBe(result.text);
    expect(result.pieces.every((piece) => !piece.includes('\uFFFD'))).toBe(true);
  });

  test('max_tokens cuts an answer with a JSON schema', async () => {
    expect(await answer(engine, 'Hello', { jsonSchema: person, maxTokens: 3 })).toMatchObject({
      finishReason: 'length',
      completionTokens: 3,
    });
  });

  test('a stop string cuts an answer with a JSON schema', async () => {
    const { text, finishReason } = await answer(engine, 'Hello', { jsonSchema: person, stop: ['"age"'] });
    expect(finishReason).toBe('stop');
    expect(text).toContain('"name"');
    expect(text).not.toContain('age');
  });

  test.each([
    [{ type: 'string', pattern: 'a\\b' }, 'json_schema.pattern: has \\b, which a grammar cannot hold'],
    [
      { $ref: '#/$defs/endless', $defs: { endless: { $ref: '#/$defs/endless' } } },
      'json_schema.$defs.endless.$ref: refers to itself endlessly',
    ],
  ])('that no grammar can hold is refused: %j', async (jsonSchema, message) => {
    await expect(answer(engine, 'Hello', { jsonSchema })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('a prompt that is too long', () => {
  test('a prompt that is too long is refused with its tokens and the limit, and never cut', async () => {
    await expect(answer(engine, LONG.repeat(2))).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: expect.stringMatching(
        /^The prompt has \d{4} tokens; the context holds 1024, of which the answer needs at least one\./,
      ) as string,
    });
  });

  test('a prompt that cannot fit is refused without being tokenized', async () => {
    await expect(answer(engine, 'x'.repeat(4_000_000))).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: expect.stringContaining('at least ') as string,
    });
  });
});

describe('an abort', () => {
  const reason = new TypeError('no reader');

  test('an abort while generating ends the answer with its reason and frees the slot', async () => {
    const abort = new AbortController();
    const generation = engine.generate(request('Tell me a story'), abort.signal);
    await firstPiece(generation);
    expect(engine.slotsUsed).toBe(1);
    const generated = engine.tokensGenerated;
    abort.abort(reason);
    await expect(collect(generation)).rejects.toBe(reason);
    expect(engine.tokensGenerated - generated).toBeLessThan(5);
  });

  test('an abort while a long prompt is read ends the request as fast', async () => {
    const abort = new AbortController();
    const generation = collect(engine.generate(request(LONG), abort.signal));
    await expect.poll(() => engine.slotsUsed, { interval: 1 }).toBe(1);
    const generated = engine.tokensGenerated;
    abort.abort(reason);
    await expect(generation).rejects.toBe(reason);
    expect(engine.tokensGenerated).toBe(generated);
  });

  test('an abort before the start computes nothing', async () => {
    await expect(collect(engine.generate(request('Hello'), AbortSignal.abort(reason)))).rejects.toBe(reason);
  });

  test('an abort of one answer does not change the others', async () => {
    const abort = new AbortController();
    const others = Promise.all(Array.from({ length: 4 }, () => answer(engine, 'What does a bee do?')));
    const aborted = engine.generate(request('Tell me a story'), abort.signal);
    await firstPiece(aborted);
    abort.abort(reason);
    await expect(collect(aborted)).rejects.toBe(reason);
    expect((await others).map(({ text }) => text)).toEqual([BEE, BEE, BEE, BEE]);
  });

  test('a reader that stops reading needs no abort', async () => {
    for await (const piece of engine.generate(request('Tell me a story'), never)) {
      if (piece.kind === 'prompt') continue;
      expect(piece).toMatchObject({ kind: 'text' });
      break;
    }
    expect(engine.slotsUsed).toBe(0);
  });
});
