import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerText } from './answer-text.ts';

function read(answer: AnswerText, chunks: Iterable<Uint8Array>): string[] {
  return Array.from(chunks, (chunk) => answer.push(chunk));
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const bytewise = (text: string) => Array.from(bytesOf(text), (byte) => Uint8Array.of(byte));

test('any text is returned completely, and no piece has half a character, however its bytes are split', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(7), { maxLength: 40 }), (written, sizes) => {
      const bytes = bytesOf(written);
      const chunks: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = 1 + (sizes[turn % Math.max(1, sizes.length)] ?? 0);
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      const shown = read(new AnswerText(), chunks);
      expect(shown.join('')).toBe(written);
      expect(shown.some((piece) => piece.includes('\uFFFD') && !written.includes('\uFFFD'))).toBe(false);
    }),
  );
});

test('an answer that was cut inside a character ends before that character', () => {
  expect(read(new AnswerText(), bytewise('bee 🐝').slice(0, -1)).join('')).toBe('bee ');
});

test('bytes of an answer that are not UTF-8 become replacement characters and do not stop the stream', () => {
  expect(read(new AnswerText(), [Uint8Array.of(0x61, 0xff, 0x62)]).join('')).toBe('a\uFFFDb');
});

test('one space is trimmed from the start of an answer, and only if requested', () => {
  expect(read(new AnswerText({ trimSpace: true }), [bytesOf('  a b')]).join('')).toBe(' a b');
  expect(read(new AnswerText(), [bytesOf(' a')]).join('')).toBe(' a');
});
