import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadTiny, answer } from './fixtures/engine.ts';
import { modelWorkshop } from './fixtures/gguf.ts';
import { importLlama } from './llama-module.ts';

let workshop: Awaited<ReturnType<typeof modelWorkshop>>;

beforeAll(async () => {
  workshop = await modelWorkshop();
});

afterAll(() => workshop.clear());

// First in this file: after another instance in the same process, node-llama-cpp loses the log of the next.
test("a model of an unknown kind is refused with the engine's own message", async () => {
  const modelPath = await workshop.make({ set: { 'tokenizer.ggml.model': 'runes' } });
  await expect(loadTiny({ modelPath })).rejects.toMatchObject({
    code: 'model_corrupt',
    message: expect.stringContaining("unknown tokenizer: 'runes'") as string,
  });
});

test('loading a model reports growing fractions up to 1 and uses the context of the model', async () => {
  const fractions: number[] = [];
  const engine = await loadTiny({ slots: 3, onLoadProgress: (fraction) => fractions.push(fraction) });
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.at(-1)).toBe(1);
  expect(engine).toMatchObject({ slots: 3, slotsUsed: 0, contextSize: 1024, tokensGenerated: 0, toolForm: 'generic' });
  await engine.close();
});

test('a file that does not exist is refused before the engine is started', async () => {
  await expect(loadTiny({ modelPath: '/nowhere/model.gguf' })).rejects.toMatchObject({ code: 'model_not_found' });
});

test('a model that needs more memory than is free is refused with both figures', async () => {
  const modelPath = await workshop.make({ set: { 'llama.context_length': 100_000_000 } });
  await expect(loadTiny({ modelPath, slots: 256, contextSize: 200_000 })).rejects.toMatchObject({
    code: 'model_too_large',
    message: expect.stringMatching(
      /^The model needs about \d+(\.\d)? [TG]B .+ for 256 slots of 200000 tokens\) and \d+(\.\d)? GB are free/,
    ) as string,
  });
});

test('a context longer than the model supports is refused with the limit', async () => {
  await expect(loadTiny({ contextSize: 4096 })).rejects.toMatchObject({
    code: 'invalid_input',
    message: 'The model has a context of 1024 tokens at most, and 4096 were requested. Choose 1024 or fewer.',
  });
});

test('a device without an engine is refused, and the message says how to install one', async () => {
  await expect(loadTiny({ worker: 'cuda' })).rejects.toMatchObject({
    code: 'device_not_found',
    message: expect.stringContaining('RBEE_ENGINE_DIR') as string,
  });
});

test('loading a model fails with the reason of an abort', async () => {
  const reason = new TypeError('changed my mind');
  const abort = new AbortController();
  const loading = loadTiny({ signal: abort.signal, onLoadProgress: () => abort.abort(reason) });
  await expect(loading).rejects.toBe(reason);
});

test('RBEE_ENGINE_DIR names another installed engine, and a folder without one is refused', async () => {
  const installed = dirname(dirname(dirname(createRequire(import.meta.url).resolve('node-llama-cpp'))));
  const module = await importLlama(dirname(installed));
  expect(module.getLlama).toBeInstanceOf(Function);
  const empty = await mkdtemp(join(tmpdir(), 'rbee-engine-'));
  await expect(importLlama(empty)).rejects.toMatchObject({
    code: 'engine_failed',
    message: expect.stringContaining(empty) as string,
  });
  await expect(importLlama('engines')).rejects.toMatchObject({
    message: "RBEE_ENGINE_DIR must be an absolute path, but it is 'engines'.",
  });
  await rm(empty, { recursive: true });
});

test('two engines in one process answer side by side', async () => {
  const engines = await Promise.all([loadTiny(), loadTiny()]);
  const answers = await Promise.all(engines.map((engine) => answer(engine, 'What is 2 + 3?')));
  expect(answers.map(({ text }) => text)).toEqual(['2 plus 3 is 5.', '2 plus 3 is 5.']);
  await Promise.all(engines.map((engine) => engine.close()));
});
