import { parseJson } from '../contract/index.ts';

/** The message in a line of pino, also in a truncated one: an escaped quote does not end it. */
const MESSAGE = /"msg":"((?:[^"\\]|\\.)*)/;

/** A stack frame of a crash, as the C library prints it: `program(function+0x12)[0x7f…]`. Of no use to a person. */
export function isStackFrame(line: string): boolean {
  return /\[0x[0-9a-f]+\]\s*$/.test(line);
}

/**
 * A line of a daemon's log for people. Of rbee's own lines, the message and that of its error; lines of an engine or a crash as they are.
 */
export function logText(line: string): string {
  if (!line.startsWith('{')) return line;
  // A partial line, whose process exited while writing it, cannot be parsed.
  const entry = parseJson(line) as Record<string, unknown> | undefined;
  if (entry === undefined) return MESSAGE.exec(line)?.[1] ?? line;
  const { msg, err } = entry;
  const cause = typeof err === 'object' && err !== null && 'message' in err ? String(err.message) : '';
  const words = typeof msg === 'string' ? msg : '';
  if (words === '' && cause === '') return line;
  return cause === '' || words.includes(cause) ? words : [words, cause].filter((part) => part !== '').join(': ');
}
