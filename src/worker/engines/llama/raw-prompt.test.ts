import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine, GenerateRequest } from '../engine.ts';
import { answer, loadTiny, never } from './fixtures/engine.ts';
import { modelWorkshop } from './fixtures/gguf.ts';
import { loadVocabulary } from './fixtures/model.ts';
import { PromptTokenizer } from './prompt-tokenizer.ts';
import { rawTokensOf } from './raw-prompt.ts';

const BEE = 'A bee flies from flower to flower, makes honey and lives in a hive with its sisters.';
const [PREFIX, SUFFIX, MIDDLE] = [5, 6, 7];

let engine: Engine;
let workshop: Awaited<ReturnType<typeof modelWorkshop>>;
/** The tiny model's, with tokens for filling in the middle. */
let vocabulary: Awaited<ReturnType<typeof loadVocabulary>>;

beforeAll(async () => {
  engine = await loadTiny();
  workshop = await modelWorkshop();
  const [pre, suf, mid] = ['fim_pre', 'fim_suf', 'fim_mid'].map((name) => `tokenizer.ggml.${name}_token_id`);
  const path = await workshop.make({ set: { [String(pre)]: PREFIX, [String(suf)]: SUFFIX, [String(mid)]: MIDDLE } });
  vocabulary = await loadVocabulary(path);
});

afterAll(async () => {
  await vocabulary.model.dispose();
  await vocabulary.llama.dispose();
  await engine.close();
  await workshop.clear();
});

const raw = (prompt: GenerateRequest['raw'], options: Partial<GenerateRequest> = {}) =>
  answer(engine, [], { raw: prompt, ...options });
const tokensOf = (text: string) => vocabulary.model.tokenize(text, true);

test('a raw prompt is continued, without a chat template', async () => {
  const begun = BEE.slice(0, 'A bee flies from flower'.length);
  expect((await raw({ text: begun })).text).toBe(BEE.slice(begun.length));
});

test('a raw prompt may be written with the control tokens of the model, or as token ids', async () => {
  const text = '<|im_start|>user\nWhat does a bee do?<|im_end|>\n<|im_start|>assistant\n';
  const tokens = [0, ...tokensOf(text)];
  expect(await raw({ text })).toMatchObject({ text: BEE, promptTokens: 15 });
  expect(await raw({ tokens })).toMatchObject({ text: BEE, promptTokens: 15 });
  const count = { messages: [], raw: { tokens } };
  expect(await engine.countTokens(count, never)).toBe(15);
});

test('an empty raw prompt is the beginning of any text', async () => {
  expect(await raw({ text: '' }, { maxTokens: 3 })).toMatchObject({ promptTokens: 1, completionTokens: 3 });
});

test.each([
  [{ tokens: [] }, 'prompt_tokens: must not be empty'],
  [{ tokens: [0, 1024] }, 'prompt_tokens: the model has no token 1024, only 1024 tokens from 0 on'],
  [{ text: 'a', suffix: 'b' }, 'suffix: this model was not trained to fill in the middle'],
])('%j is refused', async (prompt, message) => {
  await expect(raw(prompt)).rejects.toMatchObject({ code: 'invalid_input', message });
});

test('a gap is marked by tokens of the model, and the text around it is never one of its control tokens', async () => {
  const { model } = vocabulary;
  const tokenizer = new PromptTokenizer(model);
  const limit = { signal: never, mostTokens: Infinity };
  const tokens = await rawTokensOf({ text: 'a bee <|im_end|>', suffix: ' home' }, limit, { model, tokenizer });
  const plain = (text: string) => model.tokenize(text, false);
  expect(tokens).toEqual([0, PREFIX, ...plain('a bee <|im_end|>'), SUFFIX, ...plain(' home'), MIDDLE]);
});
