import { readFileSync } from 'node:fs';
import { JobError } from '../../contract/index.ts';

/**
 * Bytes from a file or a pipe as text. Anything but UTF-8 is refused: read as UTF-8 it would lose characters without a word.
 * @param what begins the sentence: "What is piped in"
 * @throws JobError invalid_input
 */
export function textIn(bytes: Uint8Array, what: string): string {
  try {
    // It leaves out a byte order mark, which no model should read.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new JobError('invalid_input', `${what} is not UTF-8 text: ${guess(bytes)}`, { cause });
  }
}

/**
 * Node shows what is not UTF-8 in a command line as U+FFFD. Where the system tells what was given, it is told from that character.
 * @throws JobError invalid_input
 */
export function requireText(argv: readonly string[]): void {
  if (process.platform === 'linux' && argv.some((word) => word.includes('\ufffd')))
    textIn(
      readFileSync('/proc/self/cmdline').map((byte) => byte || SPACE),
      'The command line',
    );
}

const SPACE = 0x20;

function guess(bytes: Uint8Array): string {
  const [first = 0, second = 0] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) return 'it looks like UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 <file>';
  if (bytes.includes(0)) return 'it looks like a file of another kind, such as a picture or a program.';
  return 'it looks like an older encoding. Convert it, for example: iconv -f ISO-8859-1 -t UTF-8 <file>';
}
