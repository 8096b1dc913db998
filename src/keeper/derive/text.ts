import { readFileSync } from 'node:fs';
import { JobError } from '../../contract/index.ts';

/**
 * Bytes from a file or a pipe as text. Other encodings than UTF-8 are refused: decoding them would silently lose characters.
 * @param what the subject of the sentence, such as 'stdin'
 * @throws JobError invalid_input
 */
export function textIn(bytes: Uint8Array, what: string): string {
  try {
    // It drops a byte order mark, which no model should read.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new JobError('invalid_input', `${what} is not UTF-8 text: ${guess(bytes)}`, { cause });
  }
}

/**
 * Node decodes other encodings in a command line to U+FFFD. Linux has the bytes, which tell them from that character itself.
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
  if (bytes.includes(0)) return 'it looks like another kind of file, such as a picture or a program.';
  return 'it looks like an older encoding. Convert it, for example: iconv -f ISO-8859-1 -t UTF-8 <file>';
}
