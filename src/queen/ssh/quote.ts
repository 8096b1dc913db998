/**
 * One word for whatever shell a user logs in with. Between single quotes a backslash is kept by sh and taken by fish, and `!` is
 * replaced by csh; escaped outside of the quotes, all of them agree. (csh has no way to carry a line feed.)
 */
export function shellQuote(word: string): string {
  return `'${word.replace(/['\\!]/g, (character) => `'\\${character}'`)}'`;
}

/** ssh's own status for "no connection" is 255, so a script's own 255 becomes 254. */
const WITHOUT_255 = 'sh -c "$0" sh "$@"; status=$?; [ "$status" -lt 255 ] || status=254; exit "$status"';

/** What sshd hands to the login shell, so that `script` runs in sh with `args` as $1, $2 …, whichever shell that is. */
export function remoteCommand(script: string, args: readonly string[] = []): string {
  return ['exec sh -c', ...[WITHOUT_255, script, ...args].map(shellQuote)].join(' ');
}
