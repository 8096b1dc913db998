import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smallBert } from '../../../hive/models/testing/gguf-writer.ts';
import type { Engine } from '../engine.ts';
import { answer, collect, loadTiny, never, request } from './fixtures/engine.ts';

const lengthOf = (vector: Float32Array | undefined) => Math.hypot(...(vector ?? []));
const embed = async (engine: Engine, ...texts: (string | number[])[]) =>
  (await engine.embed({ texts, dimensions: undefined, mostNumbers: 1e6 }, never)).vectors;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-embed-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function loadBert(own: Parameters<typeof smallBert>[1] = {}): Promise<Engine> {
  const modelPath = join(folder, `bert-${JSON.stringify(own).length}.gguf`);
  await writeFile(modelPath, smallBert(['a', 'bee', 'makes', 'honey', 'dog', 'barks'], own));
  return loadTiny({ modelPath, slots: 2 });
}

describe('a model that writes text', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadTiny();
  });
  afterAll(() => engine.close());

  test('gives each text a unit vector, the same for equal texts, alone or among others', async () => {
    const [bee, story] = await embed(engine, 'a bee', 'Tell me a story');
    expect(lengthOf(bee)).toBeCloseTo(1, 5);
    expect(story).not.toEqual(bee);
    expect(await embed(engine, 'a bee')).toEqual([bee]);
  });

  test('gives the empty text the vector of the empty text', async () => {
    const [empty] = await embed(engine, '');
    expect(lengthOf(empty)).toBeCloseTo(1, 5);
  });

  test('gives fewer dimensions as a unit vector again, and refuses more than it has', async () => {
    const [whole] = await embed(engine, 'a bee');
    const { vectors } = await engine.embed({ texts: ['a bee'], dimensions: 8, mostNumbers: 8 }, never);
    expect(vectors[0]).toHaveLength(8);
    expect(lengthOf(vectors[0])).toBeCloseTo(1, 5);
    expect((vectors[0]?.[1] ?? 0) / (vectors[0]?.[0] ?? 1)).toBeCloseTo((whole?.[1] ?? 0) / (whole?.[0] ?? 1), 4);
    await expect(engine.embed({ texts: ['a'], dimensions: 10_000, mostNumbers: 1e6 }, never)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('have 160 numbers') as string,
    });
  });

  test('takes token ids, and refuses one that its vocabulary does not have', async () => {
    const [one, other] = await embed(engine, [5, 6, 7], [7, 6, 5]);
    expect(one).not.toEqual(other);
    await expect(embed(engine, 'fine', [5, 1_000_000])).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('texts[1]') as string,
    });
  });

  test('refuses a text that is too long by its place, and one that only its tokens show to be too long', async () => {
    for (const text of ['word '.repeat(2_000), 'x'.repeat(100_000), 'é'.repeat(1_024)]) {
      await expect(embed(engine, 'fine', text)).rejects.toMatchObject({
        code: 'prompt_too_long',
        message: expect.stringContaining('texts[1]') as string,
      });
    }
  });

  test('cuts a text that is too long at its end where the request asks for that', async () => {
    const cut = async (text: string | number[]) =>
      engine.embed({ texts: [text], dimensions: undefined, truncate: true, mostNumbers: 1e6 }, never);
    const text = 'a bee '.repeat(40_000);
    const { vectors, promptTokens } = await cut(text);
    expect(vectors).toEqual((await cut(text + 'Tell me a story')).vectors);
    expect(promptTokens).toBeGreaterThan(engine.contextSize - 4);
    expect((await cut(Array.from({ length: 5_000 }, () => 7))).vectors).toHaveLength(1);
    expect((await cut('a bee')).vectors).toEqual(await embed(engine, 'a bee'));
  });

  test('refuses more vectors than the answer holds, before it computes one', async () => {
    const stepsBefore = engine.steps;
    const asked = { texts: ['a', 'b', 'c'], dimensions: 100, mostNumbers: 299 };
    await expect(engine.embed(asked, never)).rejects.toMatchObject({
      code: 'invalid_input',
      message: 'texts: an answer holds 2 vectors of 100 numbers; there are 3 texts',
    });
    expect(engine.steps).toBe(stepsBefore);
  });

  test('stops between two texts when the request is cancelled', async () => {
    const cancelled = new AbortController();
    const stepsBefore = engine.steps;
    const texts = Array.from({ length: 500 }, () => 'a bee');
    const running = engine.embed({ texts, dimensions: undefined, mostNumbers: 1e6 }, cancelled.signal);
    while (engine.steps < stepsBefore + 3) await new Promise((resolve) => setTimeout(resolve, 1));
    cancelled.abort(new Error('not wanted any more'));
    await expect(running).rejects.toThrow('not wanted any more');
    expect(engine.steps).toBeLessThan(stepsBefore + 400);
  });

  test('writes the same text while it embeds', async () => {
    const alone = await answer(engine, 'What does a bee do?');
    const [beside] = await Promise.all([
      answer(engine, 'What does a bee do?'),
      embed(engine, ...Array.from({ length: 20 }, () => 'a bee')),
    ]);
    expect(beside.text).toBe(alone.text);
  });

  test('counts the tokens of a prompt as an answer to it does', async () => {
    const asked = request('What does a bee do?');
    expect(await engine.countTokens(asked, never)).toBe((await answer(engine, asked.messages)).promptTokens);
    const forced = request('What is the weather?', {
      tools: [{ name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string', maxLength: 8 } } } }],
      toolChoice: 'required',
    });
    const { promptTokens } = await collect(engine.generate(forced, never));
    expect(await engine.countTokens(forced, never)).toBe(promptTokens);
    expect(promptTokens).toBeGreaterThan(await engine.countTokens({ messages: forced.messages }, never));
    // Also of one that is too long for its context.
    expect(await engine.countTokens(request('bee '.repeat(3_000)), never)).toBeGreaterThan(engine.contextSize);
  });

  test('does not rank documents', async () => {
    await expect(engine.rank({ query: 'a', documents: ['b'] }, never)).rejects.toMatchObject({
      code: 'invalid_input',
      message: 'model: this model does not rank documents',
    });
  });
});

describe('a model that writes no text', () => {
  test('embeds texts, and refuses to write', async () => {
    const engine = await loadBert({ own: { 'bert.pooling_type': 1 } });
    try {
      const [bee, dog, again] = await embed(engine, 'a bee makes honey', 'a dog barks', 'a bee makes honey');
      expect(bee).toHaveLength(32);
      expect(lengthOf(bee)).toBeCloseTo(1, 5);
      expect(again).toEqual(bee);
      expect(dog).not.toEqual(bee);
      await expect(answer(engine, 'a bee')).rejects.toMatchObject({
        code: 'invalid_input',
        message: expect.stringContaining('does not write text') as string,
      });
    } finally {
      await engine.close();
    }
  });

  test('ranks documents with scores from 0 to 1, if it was trained to', async () => {
    const engine = await loadBert({ own: { 'bert.pooling_type': 4 }, ranks: true });
    try {
      const { scores, promptTokens } = await engine.rank({ query: 'a bee', documents: ['makes honey', 'a dog barks'] }, never);
      expect(scores).toHaveLength(2);
      for (const score of scores) expect(score).toBeGreaterThan(0);
      for (const score of scores) expect(score).toBeLessThan(1);
      expect(scores[0]).not.toBe(scores[1]);
      expect(promptTokens).toBeGreaterThan(8);
      const long = 'a '.repeat(200);
      await expect(engine.rank({ query: 'a', documents: ['a', long] }, never)).rejects.toMatchObject({
        code: 'prompt_too_long',
        message: expect.stringContaining('documents[1]') as string,
      });
    } finally {
      await engine.close();
    }
  });
});
