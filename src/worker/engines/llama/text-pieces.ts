/** Code units that are tokenized in one go, in a few milliseconds. Less would cost more: an expression is compiled for each piece. */
const LONGEST_PIECE = 4096;

/**
 * The same for text without white space, and for white space. llama.cpp cuts text with std::regex, which takes up to 512 bytes of
 * stack for each character of a match: 20,000 letters in a row end the process where the stack has 8 MB.
 */
const LONGEST_RUN = 1024;

/** A number is looked ahead over from each of its digits, at 2 kB of stack a digit. Divisible by 3: digits are grouped by up to three. */
const LONGEST_NUMBER = 99;

/**
 * Where vocabularies cut by themselves, the surest first: after the final word of a line, before the first word of one, before a
 * space and a word, after a word or a number before a mark, between letters and digits. Each finds the last such place in a text.
 */
const CUTS = [
  /^.*[\p{L}\p{N}](?=\r?\n)/su,
  /^.*\S\n(?=[\p{L}\p{N}])/su,
  /^.*\S(?= \p{L})/su,
  /^.*[\p{L}\p{N}](?=[.,!?|()…。，、।۔،])/su,
  // An apostrophe may belong to the word before it.
  /^.*[\p{L}\p{N}](?=[^\p{L}\p{M}\p{N}\s'’])/su,
  /^.*(?:\p{L}(?=\p{N})|\p{N}(?=\p{L}))/su,
  // Nothing but marks, or one endless word: anywhere but in the middle of what is seen as one character.
  /^.*(?=[^\p{M}\p{Cf}\p{Emoji_Modifier}])/su,
];

/**
 * The pieces of a text, in which it can be tokenized with little stack and little time for each. They are cut where vocabularies
 * cut as well, so that the tokens of the pieces are those of the text. They may differ only in text without such a place.
 */
export function* piecesOf(text: string): Generator<string, void, void> {
  for (let at = 0; at < text.length;) {
    const hasLongRun = firstLonger(/\S+|\s+/g, text.slice(at, at + LONGEST_PIECE), LONGEST_RUN) !== undefined;
    const longest = hasLongRun ? LONGEST_RUN : LONGEST_PIECE;
    const window = text.slice(at, at + longest + 1);
    const piece = window.length <= longest ? window : beginningOf(window);
    const number = firstLonger(/\p{N}+/gu, piece, LONGEST_NUMBER);
    const taken = number === undefined ? piece : wholeCharacters(piece.slice(0, number + LONGEST_NUMBER));
    yield taken;
    at += taken.length;
  }
}

/** Where the first run begins that is longer. A run is scanned once: a regular expression for its length would restart at each character. */
function firstLonger(runs: RegExp, text: string, longest: number): number | undefined {
  for (const { 0: run, index } of text.matchAll(runs)) if (run.length > longest) return index;
  return undefined;
}

/** The text up to the best place to cut; it is one character too long. */
function beginningOf(window: string): string {
  const longest = window.length - 1;
  for (const place of CUTS) {
    const [piece] = place.exec(window) ?? [];
    if (piece !== undefined && piece.length > longest / 2) return piece;
  }
  return wholeCharacters(window.slice(0, longest));
}

/** Without half a surrogate pair at its end. */
function wholeCharacters(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? text.slice(0, -1) : text;
}
