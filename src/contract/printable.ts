// Code points by name: in a source file they would be invisible, and some reorder the line that they stand on.

/** C0 without tab and line feed, and DEL: a terminal obeys them. Each has a picture of its own (Unicode, Control Pictures). */
const C0 = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** C1, which a terminal obeys as it does ESC and a letter; halves of a character; what turns the order of a line around. */
const OBEYED = /[\u0080-\u009f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb]|\p{Surrogate}/gu;
/** Marks of direction, spaces and joiners without a width, and tags: nothing of them is seen, and they hide or disguise text. */
const UNSEEN = /[\u061c\u180e\u200b\u200e\u200f\u2060-\u2065\ufeff\u{e0000}-\u{e007f}]/gu;
const SEPARATORS = /[\u2028\u2029]/g;
/** Most text has none of these: one look is enough for it. */
const SUSPECT = new RegExp([C0, OBEYED, UNSEEN, SEPARATORS].map(({ source }) => source).join('|'), 'u');

const PICTURES = 0x2400;
const DEL = 0x7f;
const PICTURE_OF_DEL = '\u2421';
const REPLACEMENT = '\ufffd';

/**
 * Text from a model, a log, a file or a peer, made safe for a terminal: it can be read, and cannot command what shows it. Tabs and
 * line feeds stay, and so do the joiners that emoji and Persian are written with. A second time it changes nothing.
 */
export function printable(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .replace(C0, pictureOf)
    .replace(OBEYED, REPLACEMENT)
    .replace(UNSEEN, '')
    .replace(SEPARATORS, ' ');
}

function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  return code === DEL ? PICTURE_OF_DEL : String.fromCharCode(PICTURES + code);
}

/** What is held back of a text that comes in pieces, until the next piece: half a character, or half a line end. */
const HALF = /[\ud800-\udbff\r]$/;

/** Joins the pieces of a stream where they were cut in the middle of what belongs together. */
export class WholeCharacters {
  #held = '';

  /** The text so far that has not been returned, without a half at its end. */
  next(piece: string): string {
    const text = this.#held + piece;
    this.#held = HALF.exec(text)?.[0] ?? '';
    return this.#held === '' ? text : text.slice(0, -1);
  }

  /** What was held back, at the end of the stream. */
  rest(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }
}
