import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { answer, loadTiny } from './fixtures/engine.ts';
import { modelWorkshop } from './fixtures/gguf.ts';

let workshop: Awaited<ReturnType<typeof modelWorkshop>>;
let engine: Engine;

beforeAll(async () => {
  workshop = await modelWorkshop();
  // Its vocabulary is cut by std::regex, as that of most large models.
  engine = await loadTiny({ slots: 4, modelPath: await workshop.make({ set: { 'tokenizer.ggml.pre': 'gpt-4o' } }) });
});

afterAll(async () => {
  await engine.close();
  await workshop.clear();
});

const conversation = (length: number, content: string): GenerateRequest['messages'] =>
  Array.from({ length }, (_, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }));

/** So many definitions, each made of the next. */
function chain(length: number, made: (next: object) => object): Record<string, unknown> {
  const entries = Array.from({ length }, (_, index) => [`d${String(index)}`, made({ $ref: `#/$defs/d${String(index + 1)}` })]);
  return { $ref: '#/$defs/d0', $defs: { ...Object.fromEntries(entries), [`d${String(length)}`]: { const: 'x' } } };
}

test('a request that asks for too much fails alone, and three streams beside it are unchanged', async () => {
  const warm = { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: 300 };
  const stories = () =>
    Promise.all([1, 2, 3].map(async (seed) => (await answer(engine, 'Tell me a story', { ...warm, seed })).text));
  const undisturbed = await stories();
  const disturbed = stories();
  const nested = chain(40, (a) => ({
    anyOf: [1, 2].map((z) => ({ type: 'object', properties: { a, z: { const: z } } })),
  }));
  await expect(answer(engine, conversation(10_000, ''))).rejects.toMatchObject({ code: 'prompt_too_long' });
  for (const run of ['a', '-', ' ', '\n', '我', '7'])
    await expect(answer(engine, run.repeat(6_000))).rejects.toMatchObject({ code: 'prompt_too_long' });
  const endless = chain(40, (next) => ({ anyOf: [next, next] }));
  expect(await answer(engine, 'Hello', { jsonSchema: endless })).toMatchObject({ text: '"x"' });
  await expect(answer(engine, 'Hello', { jsonSchema: nested })).rejects.toMatchObject({ code: 'invalid_input' });
  expect(await disturbed).toEqual(undisturbed);
});
