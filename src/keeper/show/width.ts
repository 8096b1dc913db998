import { printable } from '../../contract/index.ts';

/** Columns of a text on a screen, after `printable`. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes().segment(printable(text))) columns += widthOf(segment);
  return columns;
}

/** Cuts a text to a width and marks the cut. With `middle`, both ends stay, since paths differ there. */
export function cut(text: string, columns: number, where: 'end' | 'middle' = 'end'): string {
  if (width(text) <= columns) return text;
  const pieces = [...graphemes().segment(printable(text))].map(({ segment }) => segment);
  const room = Math.max(0, columns - width(MARK));
  const headRoom = where === 'end' ? room : Math.floor(room / 3);
  const head = fitting(pieces, headRoom);
  const tail = where === 'end' ? [] : fitting(pieces.toReversed(), room - width(head.join(''))).toReversed();
  return [...head, MARK, ...tail].join('');
}

/** For a cell, a name or a step, which must stay in its line. */
export function oneLine(text: string): string {
  return text.replace(/\r\n|[\n\r\t\u2028\u2029]/g, ' ');
}

/** Breaks a text at spaces into lines of at most `columns`. A longer word stays whole, so that it can be copied. */
export function wrapped(text: string, columns: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && width(line) + 1 + width(word) > columns) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

/** Joins parts with ' · ' in lines of at most `columns`, and breaks only between parts. */
export function flowed(parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last === undefined || width(last) + width(BETWEEN) + width(part) > columns) lines.push(part);
    else lines[lines.length - 1] = last + BETWEEN + part;
  }
  return lines.flatMap((line) => wrapped(line, columns));
}

export const BETWEEN = ' · ';
const MARK = '…';
const PLAIN = /^[\u0020-\u007e]*$/;
/** Two columns each: emoji, and wide or full-width East Asian characters. */
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const WITHOUT_WIDTH = /^[\p{Mark}\p{Format}]+$/u;

/** Created with the first such text: it is slow, and most commands never need it. */
function graphemes(): Intl.Segmenter {
  return (segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' }));
}
let segmenter: Intl.Segmenter | undefined;

function widthOf(grapheme: string): number {
  if (WITHOUT_WIDTH.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

function fitting(pieces: readonly string[], columns: number): string[] {
  let left = columns;
  const end = pieces.findIndex((piece) => (left -= widthOf(piece)) < 0);
  return end === -1 ? [...pieces] : pieces.slice(0, end);
}
