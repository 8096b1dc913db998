/**
 * One word for whatever shell a user logs in with. Between single quotes a backslash is kept by sh and taken by fish, and `!` is
 * replaced by csh; escaped outside of the quotes, all of them agree. (csh has no way to carry a line feed.)
 */
export function shellQuote(word: string): string {
  return `'${word.replace(/['\\!]/g, (character) => `'\\${character}'`)}'`;
}

/** One word for a script of sh. */
export function posixQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** For `printf %b`, which makes the text of it again: csh carries it on one line. */
export function oneLine(text: string): string {
  return text.replaceAll('\\', '\\0134').replaceAll('\n', '\\0012');
}
