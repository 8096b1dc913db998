import fc from 'fast-check';
import { expect, test } from 'vitest';
import { piecesOf } from './text-pieces.ts';

test('the pieces of any text are that text, none is longer than 4096 or has a longer run than 1024, and no character is cut through', () => {
  const runs = fc
    .array(fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 1500 })))
    .map((parts) => parts.map(([unit, times]) => unit.repeat(times)).join(''));
  fc.assert(
    fc.property(runs, (text) => {
      const pieces = [...piecesOf(text)];
      expect(pieces.join('')).toBe(text);
      expect(
        pieces.every(
          (piece) =>
            piece !== '' && piece.length <= 4096 && !/\S{1025}|\s{1025}/.test(piece) && Buffer.from(piece).toString() === piece,
        ),
      ).toBe(true);
    }),
    { numRuns: 10 },
  );
});

test.each([
  ['the words of a line', 'The bee flies, and the sun shines. ', / (?=\w)/],
  ['words of two scripts', 'Die Biene fliegt. Пчела летает. ', / (?=\p{L})/u],
  ['text without a space', '{"name":"bee","legs":6},', /[\w](?=[^\w])/],
])('a long text is cut between %s', (_, text, between) => {
  const pieces = [...piecesOf(text.repeat(600))];
  expect(pieces.length).toBeGreaterThan(2);
  for (const [index, piece] of pieces.slice(0, -1).entries()) {
    const seam = `${piece.at(-1) ?? ''}${pieces[index + 1]?.slice(0, 2) ?? ''}`;
    expect(seam).toMatch(between);
  }
});

test('a number of a thousand digits is cut after every 99', () => {
  expect([...piecesOf(`n = ${'7'.repeat(1000)}`)].map((piece) => piece.length)).toEqual([103, ...Array<number>(9).fill(99), 10]);
});
