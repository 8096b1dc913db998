import { expect, test } from 'vitest';
import { hubText, isSafeHubPath, parseModelReference } from './model-reference.ts';

const repo = 'unsloth/Qwen3-8B-GGUF';
const file = 'Q8_0/Qwen3-8B-Q8_0-00001-of-00002.gguf';
const commit = '0123456789abcdef0123456789abcdef01234567';

test.each([
  [repo, { repo }],
  [`${repo}:UD-Q4_K_XL`, { repo, tag: 'UD-Q4_K_XL' }],
  [`${repo}:q4_k_m`, { repo, tag: 'q4_k_m' }],
  [`${repo}:latest`, { repo }],
  [`${repo}:Q8_0@v1.2`, { repo, tag: 'Q8_0', revision: 'v1.2' }],
  [`${repo}@refs/pr/3`, { repo, revision: 'refs/pr/3' }],
  [`${repo}@${commit}`, { repo, revision: commit }],
  [`${repo}/${file}`, { repo, file }],
  [`${repo}/${file}@main`, { repo, file, revision: 'main' }],
  [`hf:${repo}:Q8_0`, { repo, tag: 'Q8_0' }],
  [`hf://${repo}/${file}`, { repo, file }],
  [`huggingface:${repo}`, { repo }],
  [`hf.co/${repo}:Q4_K_M`, { repo, tag: 'Q4_K_M' }],
  [`huggingface.co/${repo}`, { repo }],
  [`huggingface.co/${repo}/blob/main/${file}`, { repo, file }],
  [`https://huggingface.co/${repo}`, { repo }],
  [`https://huggingface.co/${repo}/`, { repo }],
  [`https://hf.co/${repo}`, { repo }],
  [`https://hf.co/${repo}:Q4_K_M`, { repo, tag: 'Q4_K_M' }],
  [`https://huggingface.co/${repo}?library=llama.cpp`, { repo }],
  [`https://huggingface.co/${repo}/tree/main`, { repo }],
  [`https://huggingface.co/${repo}/tree/${commit}/Q8_0`, { repo, revision: commit }],
  [`https://huggingface.co/${repo}/blob/main/${file}`, { repo, file }],
  [`https://huggingface.co/${repo}/resolve/v2/${file}?download=true`, { repo, file, revision: 'v2' }],
  [`https://huggingface.co/${repo}/resolve/main/a%20b.gguf`, { repo, file: 'a b.gguf' }],
  ['ggml-org/gpt-oss-20b-GGUF', { repo: 'ggml-org/gpt-oss-20b-GGUF' }],
  ['acme/x.y_z-1', { repo: 'acme/x.y_z-1' }],
])('%s names a model of the Hub', (text, hub) => {
  expect(parseModelReference(text)).toEqual({ kind: 'hub', hub });
  expect(parseModelReference(hubText(hub))).toEqual({ kind: 'hub', hub });
});

test.each([
  ['path', ['/models/bee.gguf', './bee.gguf', '../bee.gguf', '..', '~/bee.gguf', 'file:///bee.gguf', 'bee.gguf']],
  [
    'path',
    ['models/bee.gguf', 'a/b/c', 'a//b.gguf', 'acme/x/../y.gguf', 'acme/x/y\\z.gguf', 'acme/x:y/z', 'example.org/x/y.gguf'],
  ],
  ['name', ['tiny', 'qwen3:8b', 'qwen3-8b', 'ollama:qwen3:8b', '']],
  ['address', ['https://example.org/acme/x', 'http://127.0.0.1:9/bee.gguf', 'https://huggingface.co/datasets/a/b/c.gguf']],
  ['address', ['https://huggingface.co/', 'https://huggingface.co/a/b/blob/main/read.me', 'http://[']],
  ['path', ['acme/x--y', '-acme/x', 'acme/.x', `${'a'.repeat(97)}/x`, 'acme/x@', 'acme/x@-v', 'acme/x:']],
])('of the kind %s are %j', (kind, texts) => {
  for (const text of texts) expect([text, parseModelReference(text)]).toEqual([text, { kind }]);
});

test('the files of a server with the API of the Hub are models of the Hub', () => {
  const text = `http://127.0.0.1:9000/${repo}/resolve/main/${file}`;
  expect(parseModelReference(text, ['127.0.0.1:9000'])).toEqual({ kind: 'hub', hub: { repo, file } });
});

test.each(['hf:bee', 'hf://acme', 'hf.co/acme', 'huggingface:a/b/c', 'hf:acme/x:Q4@', 'hf.co/acme/x/../y.gguf'])(
  'the malformed name %s is refused with the grammar',
  (text) => {
    expect(() => parseModelReference(text)).toThrow('write org/repo, org/repo:QUANT or org/repo/file.gguf');
  },
);

test.each([
  ['Q8_0/a.gguf', true],
  ['a b.gguf', true],
  ['../a.gguf', false],
  ['a/../../b.gguf', false],
  ['/etc/a.gguf', false],
  ['a//b.gguf', false],
  ['a\\b.gguf', false],
  ['a\0.gguf', false],
  ['C:a.gguf', false],
])('whether the path %j of a repository stays in its folder: %j', (path, isSafe) => {
  expect(isSafeHubPath(path)).toBe(isSafe);
});
