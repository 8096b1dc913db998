import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReasoningReader, type ReadPiece } from './reasoning-reader.ts';

const think = { open: '<think>', close: '</think>' };

function read(pieces: readonly string[], startsOpen: boolean): Partial<Record<ReadPiece['kind'], string>> {
  const reader = new ReasoningReader({ ...think, startsOpen });
  const made: Partial<Record<ReadPiece['kind'], string>> = {};
  for (const { kind, text } of [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()])
    made[kind] = (made[kind] ?? '') + text;
  return made;
}

/** Every way to cut a text in up to two places, and into single characters. */
function* cuts(text: string): Generator<string[], void, void> {
  yield [...text];
  for (let first = 0; first <= text.length; first++)
    for (let second = first; second <= text.length; second++)
      yield [text.slice(0, first), text.slice(first, second), text.slice(second)];
}

test.each([
  [
    'reasoning and an answer',
    '<think>\nhm, 1 < 2\n\n</think>\n\nYes </think>',
    false,
    { reasoning: 'hm, 1 < 2', text: 'Yes </think>' },
  ],
  ['reasoning that the prompt has opened', 'hm\n</think>\nYes', true, { reasoning: 'hm', text: 'Yes' }],
  ['an empty block', '<think>\n\n</think>\n\nYes', false, { text: 'Yes' }],
  ['an answer without reasoning', ' Yes, <think> is a tag', false, { text: ' Yes, <think> is a tag' }],
  ['reasoning that is cut', '<think>hm </thi', false, { reasoning: 'hm </thi' }],
  ['half a tag at the end', '<thin', false, { text: '<thin' }],
  ['nothing but white space', ' \n', false, { text: ' \n' }],
])('%s is read alike however it is split', (_, text, startsOpen, expected) => {
  for (const pieces of cuts(text)) expect(read(pieces, startsOpen)).toEqual(expected);
});

test('no text is lost, whatever an answer is', () => {
  const part = fc.constantFrom('<think>', '</think>', '<', 'think>', ' ', '\n', 'a', 'é');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.boolean(), (parts, startsOpen) => {
      const whole = read([parts.join('')], startsOpen);
      expect(read(parts, startsOpen)).toEqual(whole);
      const letters = (text: string) => text.replaceAll(/[^aé]/g, '');
      expect(letters((whole.reasoning ?? '') + (whole.text ?? ''))).toBe(letters(parts.join('')));
    }),
  );
});
