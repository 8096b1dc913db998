import type { LlamaModel, Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenLogprob } from '../../../contract/index.ts';
import { ANSWER_LIMITS, parseBounded } from '../../../jobs/client.ts';
import type { Engine, GenerateRequest } from '../engine.ts';
import { answer, loadTiny, never, request } from './fixtures/engine.ts';
import { modelWorkshop, tinyModel } from './fixtures/gguf.ts';
import { loadVocabulary } from './fixtures/model.ts';
import { Logprobs } from './logprobs.ts';
import { OwnSampler } from './own-sampler.ts';
import { RecentTokens } from './recent-tokens.ts';
import { choiceOf } from './sampling.ts';
import { vocabularyOf } from './vocabulary.ts';

let engine: Engine;
let tiny: Awaited<ReturnType<typeof loadVocabulary>>;

beforeAll(async () => {
  engine = await loadTiny();
  tiny = await loadVocabulary(tinyModel);
});

afterAll(async () => {
  await tiny.model.dispose();
  await tiny.llama.dispose();
  await engine.close();
});

const warm = { temperature: 1.2, topK: 0, topP: 1, minP: 0, maxTokens: 30 };
const bytesOf = (entries: readonly TokenLogprob[] = []) => Buffer.from(entries.flatMap(({ bytes }) => bytes)).toString();

describe('an answer with probabilities', () => {
  test.each<[string, Partial<GenerateRequest>]>([
    ['greedily', { temperature: 0 }],
    ['by default', { temperature: undefined }],
    ['from all tokens', warm],
    ['with top_k', { ...warm, temperature: 3, topK: 5 }],
    ['with top_p', { ...warm, temperature: 2, topP: 0.8 }],
    ['with min_p', { ...warm, temperature: 2, minP: 0.1 }],
    ['with penalties', { ...warm, penalties: { presence: 1.5, frequency: 1 } }],
    ['with penalties of few tokens, greedily', { temperature: 0, penalties: { frequency: 2, lastTokens: 8 } }],
    ['with biases', { ...warm, topK: 10, bias: { 100: 3, 300: 5, 301: -100 } }],
  ])('sampled %s has the text that it has without', async (_, options) => {
    for (const seed of [1, 2]) {
      const same = { maxTokens: 40, ...options, seed };
      const { text } = await answer(engine, 'Tell me a story', same);
      expect(await answer(engine, 'Tell me a story', { ...same, logprobs: { top: 2 } })).toMatchObject({ text });
    }
  });

  test('has the model’s own, whatever the sampling', async () => {
    const first = async (options: Partial<GenerateRequest>) => {
      const { logprobs = [] } = await answer(engine, 'Tell me a joke', { ...options, maxTokens: 1, logprobs: { top: 20 } });
      return logprobs[0];
    };
    const greedy = await first({ temperature: 0 });
    const biased = await first({ ...warm, topK: 3, bias: { 100: 100 }, penalties: { presence: 2 } });
    expect(greedy?.top[0]).toMatchObject({ token: greedy?.token, logprob: greedy?.logprob });
    expect(biased).toMatchObject({ token: 'a', top: greedy?.top });
    expect(biased?.logprob).toBeLessThan(greedy?.logprob ?? NaN);
    const sum = (greedy?.top ?? []).reduce((all, { logprob }) => all + Math.exp(logprob), 0);
    expect(sum).toBeGreaterThan(0.9);
    expect(sum).toBeLessThan(1.0001);
  });

  test('has those of the tokens of each piece with the piece', async () => {
    const pieces: { text: string; logprobs?: TokenLogprob[] }[] = [];
    const asked = request('What does a bee do?', { logprobs: { top: 0 }, stop: ['honey and'] });
    const generation = engine.generate(asked, never);
    let next = await generation.next();
    for (; !next.done; next = await generation.next()) if (next.value.kind === 'text') pieces.push(next.value);
    expect(next.value.text).toBe('A bee flies from flower to flower, makes ');
    expect(next.value.logprobs).toEqual(pieces.flatMap(({ logprobs = [] }) => logprobs));
    expect(bytesOf(next.value.logprobs).startsWith(next.value.text.trimEnd())).toBe(true);
    for (const { text, logprobs } of pieces) expect(bytesOf(logprobs)).toContain(text.trimEnd());
    expect(next.value.logprobs?.every(({ top }) => top.length === 0)).toBe(true);
  });

  test('has those of the text and not of the reasoning before it', async () => {
    const workshop = await modelWorkshop();
    // Its prompt ends in the middle of reasoning.
    const template =
      "{% set close = '</think>' %}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
      '{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}';
    const modelPath = await workshop.make({ set: { 'tokenizer.chat_template': template } });
    const reasoning = await loadTiny({ modelPath });
    try {
      const options = { reasoning: { budget: 5 }, logprobs: { top: 1 }, maxTokens: 40 };
      const made = await answer(reasoning, 'What does a bee do?', options);
      expect(made.reasoning).not.toBe('');
      expect(bytesOf(made.logprobs).trim()).toBe(made.text.trim());
      expect(made.text).not.toBe('');
    } finally {
      await reasoning.close();
      await workshop.clear();
    }
  });

  const grammar = 'logprobs: the engine reports no probabilities where a grammar holds. Leave out json, json_schema and tools';
  test.each<[string, Partial<GenerateRequest>, string]>([
    ['a JSON schema', { jsonSchema: { type: 'object' } }, grammar],
    ['tools', { tools: [{ name: 'now' }] }, grammar],
    [
      'a repeat_penalty',
      { penalties: { repeat: 1.1 } },
      'logprobs: the engine reports no probabilities with a repeat_penalty. Set it to 1',
    ],
  ])('is refused together with %s', async (_, options, message) => {
    const refused = answer(engine, 'Hello', { ...options, logprobs: { top: 1 } });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', message });
  });
});

describe('probabilities that wait for their text', () => {
  const waiting = (top = 1) => {
    const { model } = tiny;
    const vocabulary = vocabularyOf(model);
    const choice = choiceOf(request(''), { model, vocabulary, recommended: {} });
    return new Logprobs({ sampler: new OwnSampler(choice, new RecentTokens([], 0)), model, vocabulary, top });
  };
  const add = (logprobs: Logprobs, text: string, model: LlamaModel = tiny.model) => {
    const tokens = model.tokenize(text);
    for (const token of tokens) logprobs.add(token, new Map([[token, 0.5]]));
    return tokens.length;
  };

  test('come together when their character is whole', () => {
    const logprobs = waiting();
    const count = add(logprobs, '🐝');
    expect(count).toBeGreaterThan(1);
    const taken = logprobs.take('🐝');
    expect(taken).toHaveLength(count);
    expect(bytesOf(taken)).toBe('🐝');
    expect(taken[0]?.logprob).toBe(Math.log(0.5));
  });

  test('come once, with the first part of their token', () => {
    const logprobs = waiting();
    add(logprobs, ' flower');
    expect(logprobs.take(' fl')).toHaveLength(1);
    expect(logprobs.take('ower')).toEqual([]);
  });

  test('are left out with white space that is left out, and with what was no text', () => {
    const logprobs = waiting();
    add(logprobs, '\n');
    add(logprobs, 'a');
    expect(bytesOf(logprobs.take('a'))).toBe('a');
    add(logprobs, 'b');
    logprobs.forget();
    expect(logprobs.take('b')).toEqual([]);
  });

  test('of a control token have its name, and of an impossible one no infinity', () => {
    const logprobs = waiting();
    const [token = 0 as Token] = tiny.model.tokenize('a');
    logprobs.add(token, new Map([[2 as Token, 1]]));
    expect(logprobs.take('a')).toEqual([
      { token: 'a', logprob: -9999, bytes: [97], top: [{ token: '<|im_end|>', logprob: 0, bytes: [] }] },
    ]);
  });

  test('end an answer before a result is too large for another process', () => {
    const logprobs = waiting(20);
    const [token = 0 as Token] = tiny.model.tokenize('a');
    const probabilities = new Map(Array.from({ length: 20 }, (_, other) => [(token + other) as Token, 0.05]));
    const taken: TokenLogprob[] = [];
    while (!logprobs.isFull) {
      logprobs.add(token, probabilities);
      taken.push(...logprobs.take('a'));
    }
    const result = JSON.stringify({ logprobs: taken });
    expect(parseBounded(result, ANSWER_LIMITS.worker.values)).toBeDefined();
    expect(parseBounded(result, 0.9 * ANSWER_LIMITS.worker.values)).toBeUndefined();
  });
});
