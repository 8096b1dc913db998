// Code points by number: in a source file they would be invisible, and some reorder their line.

/** C0 without tab and line feed, and DEL: terminal commands. Each has a symbol in the Unicode block Control Pictures. */
const C0 = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** C1, which a terminal reads as ESC and a letter; unpaired surrogates; characters that reorder a line. */
const OBEYED = /[\u0080-\u009f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb]|\p{Surrogate}/gu;
/** Direction marks, zero-width spaces and joiners, and tags: invisible, and able to hide or disguise text. */
const UNSEEN = /[\u061c\u180e\u200b\u200e\u200f\u2060-\u2065\ufeff\u{e0000}-\u{e007f}]/gu;
const SEPARATORS = /[\u2028\u2029]/g;
/** Most text has none of these, and is done after one test. */
const SUSPECT = new RegExp([C0, OBEYED, UNSEEN, SEPARATORS].map(({ source }) => source).join('|'), 'u');

const PICTURES = 0x2400;
const DEL = 0x7f;
const PICTURE_OF_DEL = '\u2421';
const REPLACEMENT = '\ufffd';

/**
 * Makes text from a model, a log, a file or another process safe for a terminal. Tabs and line feeds stay, and so do the joiners of emoji
 * and Persian. Idempotent.
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

/** The end of a piece that is held back until the next piece: half a character, or half a line end. */
const HALF = /[\ud800-\udbff\r]$/;

/** Joins the pieces of a stream that were cut inside a character or a line end. */
export class WholeCharacters {
  #held = '';

  /** The text not yet returned, without a half at its end. */
  next(piece: string): string {
    const text = this.#held + piece;
    this.#held = HALF.exec(text)?.[0] ?? '';
    return this.#held === '' ? text : text.slice(0, -1);
  }

  /** The text held back, at the end of the stream. */
  rest(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }
}
