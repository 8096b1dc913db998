import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JobError } from '../../contract/index.ts';
import { estimateMemory, isMemoryField } from './estimate-memory.ts';
import { readGgufHeader, type FieldValue } from './gguf-header.ts';
import { ggufFile, type Fields } from './testing/gguf-writer.ts';
import { testStore, TINY_FILE } from './testing/test-store.ts';

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rbee-headers-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const read = (bytes: Buffer) => {
  const file = path.join(folder, 'model.gguf');
  fs.writeFileSync(file, bytes);
  return readGgufHeader(file, isMemoryField);
};

test('the estimate of the built-in model has its weights, its KV cache, a batch and its context', async () => {
  // 5 layers of 5 heads of 32 numbers, keys and values, 2 bytes each.
  const memory = { weights_bytes: 1_870_281, kv_bytes_per_token: 5 * 5 * 32 * 2 * 2, context_length: 1024 };
  expect(estimateMemory(await readGgufHeader(TINY_FILE, isMemoryField))).toEqual({
    ...memory,
    compute_bytes: 3_637_248,
    gpu_compute_bytes: 512 * 4 * (1024 + 12 * 160),
    architecture: 'llama',
  });
});

const plain: Record<string, FieldValue> = {
  context_length: 4096,
  embedding_length: 1000,
  block_count: 10,
  'attention.head_count': 10,
  'attention.head_count_kv': 2,
};
/** Per token, in numbers: 2 heads of 100, keys and values. */
const LAYER = 2 * 100 * 2;

function kvNumbers(header: Record<string, FieldValue>, architecture = 'llama'): number | undefined {
  const own = Object.entries({ ...plain, ...header }).map(([name, value]): [string, FieldValue] => [
    `${architecture}.${name}`,
    value,
  ]);
  const memory = estimateMemory({ fields: new Map([['general.architecture', architecture], ...own]), tensorBytes: 1 });
  return memory && memory.kv_bytes_per_token / 2;
}

describe('the estimated KV cache per token, with', () => {
  test.each<[string, Record<string, FieldValue>, number, string?]>([
    ['shared by query heads', {}, 10 * LAYER],
    ['one per head, where the header has no count', { 'attention.head_count_kv': Number.NaN }, 10 * LAYER * 5],
    ['heads of another width', { 'attention.key_length': 192, 'attention.value_length': 128 }, 10 * 2 * (192 + 128)],
    ['a count of heads per layer, 0 in some', { 'attention.head_count_kv': [0, 0, 0, 2, 0, 0, 0, 2, 0, 0] }, 2 * LAYER],
    ['layers that share the cache of others', { 'attention.shared_kv_layers': 4 }, 6 * LAYER],
    ['every fifth layer keeps one', { full_attention_interval: 5 }, 2 * LAYER, 'qwen3next'],
    ['a state of one size', {}, 0, 'mamba'],
    // A window of 896 tokens and a batch: 1024 of 4096.
    [
      'sliding windows in the layers of a pattern',
      { 'attention.sliding_window': 896, 'attention.sliding_window_pattern': [1, 0] },
      9 * LAYER + LAYER / 4,
    ],
    ['sliding windows in most layers of an architecture', { 'attention.sliding_window': 896 }, LAYER + (9 * LAYER) / 4, 'gemma3'],
    ['a sliding window without a known pattern', { 'attention.sliding_window': 896 }, 10 * LAYER],
  ])('%s', (_name, header, numbers, architecture) => {
    expect(kvNumbers(header, architecture)).toBe(numbers);
  });
});

test.each<[string, Record<string, FieldValue>]>([
  ['has no layers', { block_count: 0 }],
  ['has more layers than any engine supports', { block_count: 1_000_000 }],
  ['has no number as its context length', { context_length: 'long' }],
  ['has a width beyond exact integers', { embedding_length: 2 ** 53 }],
  ['has a number of heads beyond exact integers', { 'attention.head_count_kv': 2 ** 52 }],
])('a model that %s gets no estimate', (_name, header) => {
  expect(kvNumbers(header)).toBeUndefined();
});

test('one file of a split model gets no estimate: the other files have weights too', async () => {
  const fields: Fields = { 'general.architecture': 'llama', 'split.count': 3, 'llama.context_length': 1, 'llama.block_count': 1 };
  expect(estimateMemory(await read(ggufFile(fields)))).toBeUndefined();
});

test('a large vocabulary is skipped, with one chunk of it in memory', async () => {
  const tokens = Array.from({ length: 250_000 }, (_, index) => `token number ${index}`);
  const { fields } = await read(
    ggufFile({ 'general.architecture': 'llama', 'tokenizer.ggml.tokens': tokens, 'llama.block_count': 3 }),
  );
  expect(Object.fromEntries(fields)).toEqual({
    'general.architecture': 'llama',
    'tokenizer.ggml.tokens': 250_000,
    'llama.block_count': 3,
  });
});

test('a model whose header cannot be read is listed without an estimate, and one that has changed is read again', async () => {
  using test = testStore();
  const file = path.join(folder, 'changing.gguf');
  fs.writeFileSync(file, 'GGUF and then nothing that makes sense');
  expect((await test.store.resolve(file)).model.memory).toBeUndefined();
  fs.copyFileSync(TINY_FILE, file);
  expect((await test.store.resolve(file)).model.memory).toMatchObject({ context_length: 1024 });
  expect((await test.store.get('tiny')).memory).toMatchObject({ context_length: 1024 });
});

describe('a hostile GGUF header', () => {
  const tiny = fs.readFileSync(TINY_FILE);
  /** All header fields are within this length. */
  const HEADER_BYTES = 30_000;

  const judge = async (bytes: Buffer) => {
    const before = process.memoryUsage();
    try {
      estimateMemory(await read(bytes));
    } catch (error) {
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({ code: 'model_corrupt' });
    }
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(20_000_000);
  };

  test('with changed bytes is read or refused, without large allocations', async () => {
    const change = fc.tuple(fc.nat(HEADER_BYTES), fc.uint8Array({ minLength: 1, maxLength: 12 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const bytes = Buffer.from(tiny.subarray(0, HEADER_BYTES * 2));
        for (const [at, written] of changes) bytes.set(written, at);
        await judge(bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('truncated anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(HEADER_BYTES), (length) => judge(tiny.subarray(0, length))),
      { numRuns: 100 },
    );
  });

  const u64s = (...numbers: bigint[]) => {
    const bytes = Buffer.alloc(8 * numbers.length);
    for (const [index, number] of numbers.entries()) bytes.writeBigUInt64LE(number, index * 8);
    return bytes;
  };
  const start = (fields: bigint) => Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), u64s(0n, fields)]);
  const array = (type: number, length: bigint) =>
    Buffer.concat([u64s(20n), Buffer.from('general.architecture\x09\0\0\0'), Buffer.from([type, 0, 0, 0]), u64s(length)]);
  const most = 2n ** 64n - 1n;

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['another magic number', Buffer.from('<html>')],
    ['an unknown version', Buffer.from('GGUF\x01\0\0\0')],
    ['more fields than there can be', start(most)],
    ['a name longer than the file', Buffer.concat([start(1n), u64s(most)])],
    ['more texts than there can be', Buffer.concat([start(1n), array(8, most)])],
    ['more numbers than there can be', Buffer.concat([start(1n), array(4, most)])],
    ['arrays in arrays', Buffer.concat([start(1n), array(9, 1n)])],
    [
      'the same few fields 90 times',
      Buffer.concat([
        start(90_000n),
        ...Array.from({ length: 90 }, (_, at) => {
          const name = `${String(at).padStart(4, '0')}.block_count`;
          return Buffer.concat([u64s(BigInt(name.length)), Buffer.from(`${name}\x04\0\0\0\x01\0\0\0`)]);
        }),
      ]),
    ],
  ])('with %s is refused', async (_name, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'model_corrupt' });
  });

  test('with eight million empty strings is refused long before all of them are read', async () => {
    const before = performance.now();
    await expect(read(Buffer.concat([start(1n), array(8, 2n ** 33n), Buffer.alloc(70_000_000)]))).rejects.toThrow(/beyond/);
    expect(performance.now() - before).toBeLessThan(60_000);
  });
});
