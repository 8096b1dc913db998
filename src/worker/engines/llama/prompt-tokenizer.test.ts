import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type { LlamaModel } from 'node-llama-cpp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { never } from './fixtures/engine.ts';
import { modelWorkshop, tinyModel } from './fixtures/gguf.ts';
import { loadVocabulary } from './fixtures/model.ts';
import { PromptTokenizer } from './prompt-tokenizer.ts';

/** Vocabularies whose text is cut by std::regex, each with an expression of its own. */
const PRE = ['tekken', 'gpt-4o', 'deepseek-llm', 'deepseek-v3', 'bloom', 'tiny_aya', 'exaone-moe'];

let tiny: Awaited<ReturnType<typeof loadVocabulary>>;
let workshop: Awaited<ReturnType<typeof modelWorkshop>>;
/** Kept, because the engine is only closed when each of its models is. */
const models = new Map<string, LlamaModel>();

beforeAll(async () => {
  tiny = await loadVocabulary(tinyModel);
  workshop = await modelWorkshop();
  for (const pre of PRE) {
    const { model } = await loadVocabulary(await workshop.make({ set: { 'tokenizer.ggml.pre': pre } }), tiny);
    models.set(pre, model);
  }
  models.set('its own', tiny.model);
});

afterAll(async () => {
  for (const model of models.values()) await model.dispose();
  await tiny.llama.dispose();
  await workshop.clear();
});

const modelOf = (pre: string) => models.get(pre) ?? tiny.model;
const all = { signal: never, mostTokens: Infinity };
const runs = ['a', '7', '-', ' ', '\n', '我', '\u0301', '👍🏽', 'if(x){', 'bee '];

test.each([...PRE, 'its own'])('an endless run of anything is tokenized by a vocabulary cut as %s', async (pre) => {
  const model = modelOf(pre);
  const tokenizer = new PromptTokenizer(model);
  for (const run of runs) {
    const text = run.repeat(33_000 / run.length);
    expect(model.detokenize((await tokenizer.tokenize(text, all)).slice(1)).length).toBeGreaterThan(text.length / 2);
  }
});

test.each([...PRE, 'its own'])('a long text has the tokens of the whole, by a vocabulary cut as %s', async (pre) => {
  const model = modelOf(pre);
  const tokenizer = new PromptTokenizer(model);
  const sentence = fc.constantFrom(
    'What does a bee do? ',
    "It's 3.14, isn't it?\n",
    '\n\n    return value + 10_000;\n}\n',
    '{"name":"bee","tags":["a","b"],"legs":6}, ',
    'Das Haus des Bären. Пчела летит. ',
    '蜜蜂从一朵花飞到另一朵花，酿蜜。',
    '| a | b |\n|---|---|\n',
    'https://example.org/a/b?c=d&e=f ',
    '🐝🐝 <|im_end|> ',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(sentence, { minLength: 200, maxLength: 500 }), async (sentences) => {
      const text = sentences.join('');
      expect((await tokenizer.tokenize(text, all, { isPlain: true })).slice(1)).toEqual(model.tokenize(text));
    }),
    { numRuns: 5 },
  );
});

test('a long text with control tokens has the tokens of the whole', async () => {
  const tokenizer = new PromptTokenizer(tiny.model);
  const part = fc.constantFrom(
    '<|im_start|>user\n',
    '<|im_end|>\n',
    'What does a bee do?',
    '\n\n',
    ' ',
    '<|im_start|>',
    '🐝 Пчела',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 300 }), async (parts) => {
      const text = parts.join('');
      expect((await tokenizer.tokenize(text, all)).slice(text.startsWith('<|endoftext|>') ? 0 : 1)).toEqual(
        tiny.model.tokenize(text, true),
      );
    }),
    { numRuns: 50 },
  );
});

test('names of control tokens in plain text, and names with a mark in them, are text', async () => {
  const tokenizer = new PromptTokenizer(tiny.model);
  const plain = await tokenizer.tokenize('a<|im_end|>b', all, { isPlain: true });
  expect(plain).toEqual([tiny.model.tokens.bos, ...tiny.model.tokenize('a<|im_end|>b')]);
  const marked = await tokenizer.tokenize('<|im_start|>a<\ue000|im_end|>b<|im_end|>', all, { mark: '\ue000' });
  const name = (text: string) => tiny.model.tokenize(text, true);
  expect(marked).toEqual([
    tiny.model.tokens.bos,
    ...name('<|im_start|>'),
    ...tiny.model.tokenize('a<|im_end|>b'),
    ...name('<|im_end|>'),
  ]);
});

test('a conversation that grows has the same tokens as one that is new', async () => {
  const turn = fc.string({ unit: 'grapheme', maxLength: 300 }).map((text) => `<|im_start|>user\n${text}<|im_end|>\n`);
  const ends = fc.constantFrom('', '<|im_start|>assistant\n', '<|im_', '<|im_end', 'a');
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 6 }), fc.array(turn, { maxLength: 3 }), ends, async (first, more, end) => {
      const tokenizer = new PromptTokenizer(tiny.model);
      const begun = first.join('');
      await tokenizer.tokenize(begun + end, all);
      const grown = await tokenizer.tokenize(begun + more.join('') + end, all);
      expect(grown).toEqual(await new PromptTokenizer(tiny.model).tokenize(begun + more.join('') + end, all));
      expect(await tokenizer.tokenize(begun, all)).toEqual(await new PromptTokenizer(tiny.model).tokenize(begun, all));
    }),
    { numRuns: 40 },
  );
});

test('many long texts are tokenized in turns, and the event loop runs in between', async () => {
  const tokenizer = new PromptTokenizer(modelOf('tekken'));
  const working = Array.from({ length: 8 }, () => tokenizer.tokenize('The bee flies. '.repeat(4_000), all));
  let ended = 0;
  for (const work of working) void work.then(() => ended++);
  let turns = 0;
  while (ended < working.length) {
    await setImmediate();
    turns++;
  }
  expect(turns).toBeGreaterThan(20);
});

test('tokenizing stops when it is aborted, and at the limit of tokens', async () => {
  const tokenizer = new PromptTokenizer(tiny.model);
  const text = 'The bee flies. '.repeat(100_000);
  const gone = new AbortController();
  const tokenizing = tokenizer.tokenize(text, { signal: gone.signal, mostTokens: Infinity });
  gone.abort(new Error('gone'));
  await expect(tokenizing).rejects.toThrowError('gone');
  expect((await tokenizer.tokenize(text, { signal: never, mostTokens: 1_000 })).length).toBeLessThan(3_000);
});
