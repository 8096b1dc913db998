import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Llama } from 'node-llama-cpp';
import { openBackend } from './backend.ts';
import { EngineLog } from './engine-log.ts';
import { modelWorkshop, tinyModel } from './fixtures/gguf.ts';
import { importLlama, type LlamaModule } from './llama-module.ts';
import { readModelFile } from './model-file.ts';

let module: LlamaModule;
let llama: Llama;
let workshop: Awaited<ReturnType<typeof modelWorkshop>>;

beforeAll(async () => {
  module = await importLlama('');
  llama = await openBackend(module, { worker: 'cpu', threads: 1, log: new EngineLog() });
  workshop = await modelWorkshop();
});

afterAll(async () => {
  await llama.dispose();
  await workshop.clear();
});

const read = (path: string) => readModelFile(path, module, llama);

function corrupt(message: string): unknown {
  return expect.objectContaining({ code: 'model_corrupt', message: expect.stringContaining(message) as string });
}

test('the header of a complete model is read', async () => {
  const insights = await read(tinyModel);
  expect(insights.trainContextSize).toBe(1024);
});

test('the unchanged copy that the damaged ones start from is read', async () => {
  await expect(read(await workshop.make({}))).resolves.toBeDefined();
});

// Without feed_forward_length or head_count llama.cpp aborts the process.
test.each([
  'general.architecture',
  'llama.context_length',
  'llama.embedding_length',
  'llama.block_count',
  'llama.feed_forward_length',
  'llama.attention.head_count',
  'tokenizer.ggml.model',
  'tokenizer.ggml.tokens',
])('a model without %s is refused by that name', async (field) => {
  await expect(read(await workshop.make({ drop: [field] }))).rejects.toThrowError(corrupt(`its header has no ${field}`));
});

test('a model with no attention heads is refused', async () => {
  const path = await workshop.make({ set: { 'llama.attention.head_count': 0 } });
  await expect(read(path)).rejects.toThrowError(corrupt('llama.attention.head_count'));
});

test('a model with a string in place of a number is refused as if the field were missing', async () => {
  const path = await workshop.make({ set: { 'llama.context_length': 'long' } });
  await expect(read(path)).rejects.toThrowError(corrupt('its header has no llama.context_length'));
});

test.each([1, 1000, 1_000_000])('a model without its last %i bytes is refused before it is loaded', async (cut) => {
  await expect(read(await workshop.make({ cut }))).rejects.toThrowError(corrupt('it is truncated to'));
});

test('a model that ends inside its header is refused', async () => {
  const path = await workshop.make({ cut: 1_890_000 });
  await expect(read(path)).rejects.toThrowError(corrupt(''));
});

test.each([
  ['an empty file', Buffer.alloc(0)],
  ['a page of HTML', Buffer.from('<!doctype html><title>404</title>'.repeat(10))],
])('%s is refused because it is not a GGUF file', async (_, bytes) => {
  await expect(read(await workshop.write(bytes))).rejects.toThrowError(corrupt('it is not a GGUF file'));
});

test('a header with absurd counts is refused before so many entries are read', async () => {
  const preamble = Buffer.alloc(64, 0xff);
  preamble.write('GGUF');
  preamble.writeUInt32LE(3, 4);
  await expect(read(await workshop.write(preamble))).rejects.toThrowError(corrupt('its header is damaged'));
});

test('a model of an unknown architecture, and one that generates no text, are refused with the name of the architecture', async () => {
  const dims = {
    context_length: 1024,
    embedding_length: 160,
    block_count: 5,
    feed_forward_length: 448,
    'attention.head_count': 5,
  };
  const renamed = (architecture: string) => {
    const fields = Object.entries(dims).map(([name, value]) => [`${architecture}.${name}`, value]);
    return workshop.make({ set: { 'general.architecture': architecture, ...(Object.fromEntries(fields) as typeof dims) } });
  };
  await expect(read(await renamed('llamx'))).rejects.toThrowError(
    corrupt("(architecture 'llamx') is of a kind that this engine does not know"),
  );
  await expect(read(await renamed('t5'))).rejects.toThrowError(
    corrupt("(architecture 't5') reads with one half and writes with the other"),
  );
});

test('a missing model file is model_not_found, and a folder in its place cannot be read', async () => {
  await expect(read('/nowhere/model.gguf')).rejects.toMatchObject({
    code: 'model_not_found',
    message: 'There is no file /nowhere/model.gguf',
  });
  await expect(read('/tmp')).rejects.toThrowError(corrupt('it cannot be read (EISDIR)'));
});
