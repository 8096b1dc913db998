import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Model } from '../../contract/index.ts';
import { ggufFile, headerOnly, smallBert, type Fields } from './testing/gguf-writer.ts';
import { testStore, TINY_FILE, type TestStore } from './testing/test-store.ts';

let folder: string;
let shelf: TestStore;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rbee-details-'));
  shelf = testStore();
});
afterAll(() => {
  shelf[Symbol.dispose]();
  fs.rmSync(folder, { recursive: true });
});

let written = 0;
function fileOf(bytes: Buffer): string {
  const file = path.join(folder, `${(written += 1)}.gguf`);
  fs.writeFileSync(file, bytes);
  return file;
}
const detailsOf = async (bytes: Buffer): Promise<Model['details']> => (await shelf.store.resolve(fileOf(bytes))).model.details;
const llama = (fields: Fields) => detailsOf(ggufFile({ 'general.architecture': 'llama', ...fields }));

test('the details of the built-in model are those of its header', async () => {
  expect((await shelf.store.get('tiny')).details).toEqual({
    architecture: 'llama',
    parameters: 1_752_800,
    quantization: 'Q8_0',
    context_length: 1024,
    embedding_length: 160,
    license: 'cc0-1.0',
    capabilities: ['completion'],
    bos_token_id: 0,
    eos_token_id: 2,
  });
});

describe('the capabilities of', () => {
  const template = (text: string): Fields => ({ 'tokenizer.chat_template': text });
  const words = (...tokens: string[]): Fields => ({ 'tokenizer.ggml.tokens': ['a', 'b', ...tokens] });

  test.each<[string, Fields, string[]]>([
    ['a template of messages alone', template('{{ messages }}{{ toolset }}'), ['completion']],
    ['a template with tools', template('{% if tools %}{{ tools | tojson }}{% endif %}'), ['completion', 'tools']],
    ['a long one that thinks', template(`${'x'.repeat(60_000)}{% if enable_thinking %}`), ['completion', 'thinking']],
    ['tokens around a gap', words('<|fim_prefix|>', '<|fim_suffix|>'), ['completion', 'insert']],
    ['the token of one side', words('<|fim_prefix|>'), ['completion']],
    ['ids of them', { 'tokenizer.ggml.prefix_token_id': 1, 'tokenizer.ggml.suffix_token_id': 2 }, ['completion', 'insert']],
    ['text that is pooled', { 'llama.pooling_type': 3 }, ['embedding']],
    ['text that is seen from both sides', { 'llama.attention.causal': false }, ['embedding']],
    ['a rank', { 'llama.pooling_type': 4 }, ['rerank']],
  ])('a model with %s', async (_name, fields, capabilities) => {
    expect((await llama(fields))?.capabilities).toEqual(capabilities);
  });

  test('a BERT', async () => {
    const bert = await detailsOf(smallBert(['bee']));
    expect(bert).toMatchObject({ architecture: 'bert', capabilities: ['embedding'], quantization: 'F32', embedding_length: 32 });
  });
});

test('weights are counted, and their most frequent type is the quantization where the file names none', async () => {
  const shape = { architecture: 'llama', vocabulary: 100, width: 64, feedForward: 128, layers: 2 };
  const bytes = headerOnly({ ...shape, heads: 2, cachedHeads: 2, headWidth: 32, context: 512 });
  const layer = 2 * 64 + 4 * 64 * 64 + 3 * 64 * 128;
  expect(await detailsOf(bytes)).toMatchObject({ parameters: 2 * 64 * 100 + 64 + 2 * layer, quantization: 'Q8_0' });
  // Cut in the middle of the list of tensors: not counted.
  expect(await detailsOf(bytes.subarray(0, -400))).toMatchObject({ context_length: 512 });
  expect(await detailsOf(bytes.subarray(0, -400))).not.toHaveProperty('parameters');
});

test('what makes no sense in a header is left out, and the rest remains', async () => {
  const fields = {
    'general.sampling.temp': { float: 0.6 },
    'general.sampling.top_k': 20,
    'general.sampling.top_p': { float: 7 },
  };
  const details = await llama({ ...fields, 'general.license': 'x'.repeat(5_000), 'general.file_type': 900 });
  expect(details).toEqual({ architecture: 'llama', capabilities: ['completion'], sampling: { temperature: 0.6, top_k: 20 } });
});

describe('all fields of a header', () => {
  test('are read without the arrays of the tokenizer, or with them', async () => {
    const short = await shelf.store.header('tiny', false);
    expect(short).toMatchObject({
      'general.license': 'cc0-1.0',
      'tokenizer.ggml.add_bos_token': true,
      'llama.rope.freq_base': 10_000,
    });
    expect(short['tokenizer.chat_template']).toContain('<|im_start|>');
    expect(Object.values(short).filter(Array.isArray)).toEqual([]);
    const whole = await shelf.store.header('tiny', true);
    expect(whole).toMatchObject(short);
    expect(whole['tokenizer.ggml.tokens']).toHaveLength(1024);
    expect(whole['tokenizer.ggml.token_type']).toHaveLength(1024);
  });

  test('other arrays are kept', async () => {
    const file = fileOf(ggufFile({ 'general.architecture': 'llama', 'general.tags': ['bee', 'honey'], 'llama.layers': [1, 2] }));
    expect(await shelf.store.header(file, false)).toMatchObject({ 'general.tags': ['bee', 'honey'], 'llama.layers': [1, 2] });
  });

  test('of a damaged one are refused', async () => {
    const file = fileOf(fs.readFileSync(TINY_FILE).subarray(0, 9_000));
    await expect(shelf.store.header(file, true)).rejects.toMatchObject({ code: 'model_corrupt' });
  });
});
