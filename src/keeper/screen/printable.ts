// C0 without tab and line feed, DEL, and C1: all that a terminal obeys instead of shows.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text from a model, a log or a peer, which must not be able to command the terminal that shows it. */
export function printable(text: string): string {
  return text.replace(CONTROL, '');
}
