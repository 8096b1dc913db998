import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable, WholeCharacters } from './printable.ts';

test.each([
  ['a line of plain text\n\twith a tab', 'a line of plain text\n\twith a tab'],
  ['\u001b]52;c;aGk=\u0007', '␛]52;c;aGk=␇'],
  ['\u001bP1$r\u001b\\', '␛P1$r␛\\'],
  ['\u009d0;title\u009c', '\ufffd0;title\ufffd'],
  ['paid: 1\rpaid: 9', 'paid: 1␍paid: 9'],
  ['ab\b\bcd\u007f', 'ab␈␈cd␡'],
  ['\u0000', '␀'],
  ['a\r\nb', 'a\nb'],
  ['user\u202egpj.exe', 'user\ufffdgpj.exe'],
  ['\u2066a\u2069', '\ufffda\ufffd'],
  ['at\u200btic\u2060\ufeff', 'attic'],
  ['a\u{e0041}\u{e007f}b', 'ab'],
  ['one\u2028two\u2029three', 'one two three'],
  ['half \ud83d', 'half \ufffd'],
])('%j is shown as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each(['👩‍👩‍👧‍👦 👍🏽 ❤️', 'می‌خواهم', 'שלום עולם', 'مرحبا', 'नमस्ते', '蜂蜜', 'ñ é ü', '∀x'])('%s is left alone', (text) => {
  expect(printable(text)).toBe(text);
});

test('whatever the text, nothing of it commands a terminal, and a second time changes nothing', () => {
  const units = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0x1b, 0x9b, 0x0d, 0x202e, 0xdb40)));
  fc.assert(
    fc.property(units, (codes) => {
      const shown = printable(String.fromCharCode(...codes));
      expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u);
      expect(printable(shown)).toBe(shown);
    }),
  );
});

test('a stream that is cut anywhere shows the same as the whole', () => {
  const text = 'a\r\nb🐝\r\u{e0041}c\u001b[0m\r';
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const pieces = new WholeCharacters();
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      const shown = at.slice(1).map((end, index) => printable(pieces.next(text.slice(at[index], end))));
      expect(shown.join('') + printable(pieces.rest())).toBe(printable(text));
    }),
  );
});
