/**
 * One word for any login shell. Between single quotes, sh keeps a backslash and fish interprets it, and csh replaces `!`; escaped
 * outside of the quotes, all of them agree. (csh cannot carry a line feed.)
 */
export function shellQuote(word: string): string {
  return `'${word.replace(/['\\!]/g, (character) => `'\\${character}'`)}'`;
}

/** One word for a script of sh. */
export function posixQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** For `printf %b`, which restores the text: csh carries it on one line. */
export function oneLine(text: string): string {
  return text.replaceAll('\\', '\\0134').replaceAll('\n', '\\0012');
}
