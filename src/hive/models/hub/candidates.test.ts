import { describe, expect, test } from 'vitest';
import { candidatesOf, isWhole, quantizationIn, type HubFile } from './candidates.ts';
import { choose } from './choose.ts';

const GB = 1e9;
const file = (path: string, gb = 1): HubFile => ({ path, sizeBytes: gb * GB, sha256: 'a'.repeat(64), oid: 'b'.repeat(40) });
const tagsOf = (...files: HubFile[]): string[] => candidatesOf(files).map(({ tag }) => tag);

test.each([
  ['Qwen3-8B-UD-Q4_K_XL.gguf', 'UD-Q4_K_XL'],
  ['Qwen3-8B-Q4_K_M.gguf', 'Q4_K_M'],
  ['Qwen3-8B-Q4_K.gguf', 'Q4_K'],
  ['Qwen3-8B-IQ4_NL.gguf', 'IQ4_NL'],
  ['Qwen3-8B-IQ2_XXS.gguf', 'IQ2_XXS'],
  ['google_gemma-3-4b-it-Q6_K_L.gguf', 'Q6_K_L'],
  ['llama-3.2-1b-instruct-q8_0.gguf', 'Q8_0'],
  ['gemma-3-1b-it-bf16.gguf', 'BF16'],
  ['gpt-oss-20b-mxfp4.gguf', 'MXFP4'],
  ['gpt-oss-20b-MXFP4_MOE.gguf', 'MXFP4_MOE'],
  ['Q8_0/DeepSeek-R1-00001-of-00015.gguf', 'Q8_0'],
  ['UD-IQ1_S/DeepSeek-R1-0528-UD-IQ1_S-00001-of-00004.gguf', 'UD-IQ1_S'],
  ['model-Q8_0-converted-from-F16.gguf', 'F16'],
  ['bitnet-TQ1_0.gguf', 'TQ1_0'],
  ['ggml-model.gguf', undefined],
  ['SmolF16ish.gguf', undefined],
])('the quantization in %s is %s', (path, quantization) => {
  expect(quantizationIn(path.replace(/\.gguf$/, ''))).toBe(quantization);
});

test('of a repository of unsloth, the models are those without projectors and importance matrices', () => {
  const files = [file('Qwen3-8B-Q4_K_M.gguf', 5), file('Qwen3-8B-UD-Q4_K_XL.gguf', 5.1), file('Qwen3-8B-Q8_0.gguf', 8.7)];
  const beside = [file('mmproj-F16.gguf'), file('mmproj-BF16.gguf'), file('imatrix_unsloth.gguf'), file('README.md')];
  expect(tagsOf(...beside, ...files)).toEqual(['Q4_K_M', 'UD-Q4_K_XL', 'Q8_0']);
});

test('of a repository of bartowski, a folder of parts is one model', () => {
  const parts = [2, 1].map((n) => file(`Llama-3.3-70B-Q8_0/Llama-3.3-70B-Q8_0-0000${n}-of-00002.gguf`, n === 1 ? 40 : 35));
  const [small, large] = candidatesOf([...parts, file('Llama-3.3-70B-Q4_K_M.gguf', 42.5)]);
  expect(small).toMatchObject({ tag: 'Q4_K_M', parts: 1 });
  expect(large).toMatchObject({ tag: 'Q8_0', parts: 2, sizeBytes: 75 * GB });
  expect(large?.files.map(({ path }) => path.slice(-19))).toEqual(
    ['0001-of-00002.gguf', '0002-of-00002.gguf'].map((each) => `0${each}`),
  );
});

test('of a repository of ggml-org, a file without a quantization has its own name as a tag', () => {
  expect(tagsOf(file('tinygemma3.gguf', 1), file('tinygemma3-Q8_0.gguf', 2), file('mmproj-tinygemma3.gguf'))).toEqual([
    'tinygemma3',
    'Q8_0',
  ]);
});

test('no two models have one tag, however alike their files are', () => {
  expect(
    tagsOf(file('a/x-Q8_0.gguf', 1), file('b/x-Q8_0.gguf', 2), file('x y.gguf', 3), {
      ...file('X-Y.gguf', 4),
      sha256: 'b'.repeat(64),
    }),
  ).toEqual([...['a-x-Q8_0', 'b-x-Q8_0'], ...['x-y-aaaaaaaa', 'X-Y-bbbbbbbb']]);
  expect(tagsOf(file('Bee-Q4_0.gguf', 1), file('Bee-Q4_0_4_4.gguf', 2), file('Exploration-Q8_0.gguf', 3))).toEqual([
    ...['Q4_0', 'Q4_0_4_4', 'Q8_0'],
  ]);
  expect(tagsOf(file('bee-lora-Q8_0.gguf'), file('Adapter.gguf'), file('x-qlora.gguf'))).toEqual([]);
});

test('parts with wrong numbers are no whole model', () => {
  const parts = ['00000', '00001'].map((part) => file(`bee-${part}-of-00002.gguf`));
  expect(candidatesOf(parts).map(isWhole)).toEqual([false]);
});

test('two models of one quantization have their names as tags', () => {
  expect(tagsOf(file('a-Q8_0.gguf', 1), file('b/b v2-Q8_0.gguf', 2), file('b/c-Q4_0.gguf', 3))).toEqual([
    'a-Q8_0',
    'b-v2-Q8_0',
    'Q4_0',
  ]);
});

test('a model with a missing part is not whole', () => {
  const [candidate] = candidatesOf([file('m-Q8_0-00001-of-00003.gguf'), file('m-Q8_0-00003-of-00003.gguf')]);
  expect(candidate && isWhole(candidate)).toBe(false);
});

describe('the choice', () => {
  const repo = 'acme/x';
  const of = (...files: HubFile[]) => candidatesOf(files);
  const many = of(file('x-Q2_K.gguf', 3), file('x-UD-Q4_K_XL.gguf', 5), file('x-Q6_K.gguf', 6.5), file('x-Q8_0.gguf', 9));

  test.each([
    ['Q6_K', 'Q6_K'],
    ['q6_k', 'Q6_K'],
    ['Q4_K_XL', 'UD-Q4_K_XL'],
    ['UD-Q4_K_XL', 'UD-Q4_K_XL'],
  ])('of the tag %s is %s', (tag, chosen) => {
    expect(choose(many, { repo, tag }, 1)).toMatchObject({ candidate: { tag: chosen }, why: undefined });
  });

  test('of a file is the model that it is part of', () => {
    const parts = of(file('Q8_0/m-00001-of-00002.gguf'), file('Q8_0/m-00002-of-00002.gguf'), file('m-Q4_0.gguf'));
    expect(choose(parts, { repo, file: 'Q8_0/m-00002-of-00002.gguf' }, undefined).candidate.files).toHaveLength(2);
  });

  test('of a tag that is not there fails, and lists what is there with sizes, the nearest first', () => {
    expect(() => choose(many, { repo, tag: 'Q5_K_M' }, undefined)).toThrow(
      'acme/x has no Q5_K_M. It has: UD-Q4_K_XL (5.0 GB), Q6_K (6.5 GB), Q2_K (3.0 GB), Q8_0 (9.0 GB)',
    );
  });

  test.each([
    [undefined, 'UD-Q4_K_XL', 'took UD-Q4_K_XL (5.0 GB)'],
    [16 * GB, 'UD-Q4_K_XL', 'took UD-Q4_K_XL (5.0 GB)'],
    [5 * GB, 'Q2_K', 'took Q2_K (3.0 GB); UD-Q4_K_XL needs about 5.8 GB, the largest device has 5.0 GB'],
    [1 * GB, 'Q2_K', 'took the smallest, Q2_K (3.0 GB), which needs about 3.5 GB; the largest device has 1.0 GB'],
  ])('without a tag, for a device with %s bytes, is %s', (largest, tag, why) => {
    expect(choose(many, { repo }, largest)).toMatchObject({ candidate: { tag }, why });
  });

  test('without a tag is never a model with a missing part', () => {
    const some = of(file('m-Q4_K_M-00001-of-00002.gguf'), file('m-Q8_0.gguf', 9));
    expect(choose(some, { repo }, undefined).candidate.tag).toBe('Q8_0');
    expect(() => choose(some, { repo, tag: 'Q4_K_M' }, undefined)).toThrow('1 of its 2 parts are there');
  });

  test('of a repository without GGUF files fails', () => {
    expect(() => choose([], { repo }, undefined)).toThrow('acme/x has no GGUF model');
  });
});
