/** The message in a line of pino's, also in one that was cut off: an escaped character never ends it. */
const MESSAGE = /"msg":"((?:[^"\\]|\\.)*)/;

/** As the C library prints the frames of a process that aborts: `program(function+0x12)[0x7f…]`. They say nothing to people. */
export function isStackFrame(line: string): boolean {
  return /\[0x[0-9a-f]+\]\s*$/.test(line);
}

/**
 * A line of a daemon's log for people: the message of one of ours, with that of its error; what an engine or a crash wrote, as it is.
 */
export function logWords(line: string): string {
  if (!line.startsWith('{')) return line;
  const entry = parsed(line);
  if (entry === undefined) return MESSAGE.exec(line)?.[1] ?? line;
  const { msg, err } = entry;
  const cause = typeof err === 'object' && err !== null && 'message' in err ? String(err.message) : '';
  const words = typeof msg === 'string' ? msg : '';
  if (words === '' && cause === '') return line;
  return cause === '' || words.includes(cause) ? words : [words, cause].filter((part) => part !== '').join(': ');
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // Half a line: it was being written when its process ended.
  }
}
