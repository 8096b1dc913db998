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

// First in this file: in a process that had another instance, node-llama-cpp loses the log of the next.
test('a model of a kind that the engine does not know is refused in the words of the engine', async () => {
  const modelPath = await workshop.make({ set: { 'tokenizer.ggml.model': 'runes' } });
  await expect(loadTiny({ modelPath })).rejects.toMatchObject({
    code: 'model_corrupt',
    message: expect.stringContaining("unknown tokenizer: 'runes'") as string,
  });
});

test('loading reports growing fractions up to the whole and takes the context of the model', async () => {
  const fractions: number[] = [];
  const engine = await loadTiny({ slots: 3, onLoadProgress: (fraction) => fractions.push(fraction) });
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.at(-1)).toBe(1);
  expect(engine).toMatchObject({ slots: 3, slotsUsed: 0, contextSize: 1024, tokensGenerated: 0 });
  await engine.close();
});

test('a file that does not exist is refused before the engine is started', async () => {
  await expect(loadTiny({ modelPath: '/nowhere/model.gguf' })).rejects.toMatchObject({ code: 'model_not_found' });
});

test('a model that needs more memory than the machine has is refused with both', async () => {
  const modelPath = await workshop.make({ set: { 'llama.context_length': 100_000_000 } });
  await expect(loadTiny({ modelPath, slots: 256, contextSize: 200_000 })).rejects.toMatchObject({
    code: 'model_too_large',
    message: expect.stringMatching(
      /^The model needs about \d+(\.\d)? [TG]B .+ for 256 slots of 200000 tokens\) and \d+(\.\d)? GB are free\./,
    ) as string,
  });
});

test('a context that the model was not made for is refused with its limit', async () => {
  await expect(loadTiny({ contextSize: 4096 })).rejects.toMatchObject({
    code: 'invalid_input',
    message: 'The model was made for a context of 1024 tokens; ask for that or less, not 4096.',
  });
});

test('a device that this install cannot use is refused with what to do', async () => {
  await expect(loadTiny({ worker: 'cuda' })).rejects.toMatchObject({
    code: 'device_not_found',
    message: expect.stringContaining('RBEE_ENGINE_DIR') as string,
  });
});

test('an abort ends the load with its reason', async () => {
  const reason = new TypeError('changed my mind');
  const abort = new AbortController();
  const loading = loadTiny({ signal: abort.signal, onLoadProgress: () => abort.abort(reason) });
  await expect(loading).rejects.toBe(reason);
});

test('another install of the engine is used where RBEE_ENGINE_DIR names it, and a wrong name is told', async () => {
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
