import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tinyModel } from './fixtures/gguf.ts';
import { loadVocabulary } from './fixtures/model.ts';
import { decoders, tokenBytes, vocabularyOf, type Vocabulary, type VocabularyHeader } from './vocabulary.ts';

let tiny: Awaited<ReturnType<typeof loadVocabulary>>;
let vocabulary: Vocabulary;

beforeAll(async () => {
  tiny = await loadVocabulary(tinyModel);
  vocabulary = vocabularyOf(tiny.model);
});

afterAll(() => tiny.llama.dispose());

const textOf = (tokens: readonly number[]) => Buffer.concat(tokens.map((token) => vocabulary.bytesOf(token))).toString();

test('the bytes of the tokens of any text are that text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
      expect(textOf(tiny.model.tokenize(text))).toBe(text);
    }),
  );
});

test('a character of four bytes is spread over tokens, and spaces before punctuation stay', () => {
  expect(tiny.model.tokenize('🐝').length).toBeGreaterThan(1);
  expect(textOf(tiny.model.tokenize('f (a , b) .'))).toBe('f (a , b) .');
});

test('control tokens add no text to an answer', () => {
  expect(textOf(tiny.model.tokenize('<|im_start|>user<|im_end|>', true))).toBe('user');
});

test('no token of the vocabulary has more bytes than its stated maximum', () => {
  const lengths = Array.from({ length: 1024 }, (_, token) => vocabulary.bytesOf(token).length);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(vocabulary.longestTokenBytes);
});

test('SentencePiece tokens are read by their kind', () => {
  const header: VocabularyHeader = {
    model: 'llama',
    tokens: ['<unk>', '<s>', '\u2581bee', '<0xF0>', '<think>'],
    kinds: [2, 3, 1, 6, 4],
  };
  const bytes = header.tokens.map((_, token) => Buffer.from(tokenBytes(header, token, decoders['llama'])).toString('latin1'));
  expect(bytes).toEqual(['', '', ' bee', '\u00f0', '<think>']);
});
