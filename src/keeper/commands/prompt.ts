import { fstatSync } from 'node:fs';
import { JobError } from '../../contract/index.ts';
import { PROVEN_BODY_LIMITS } from '../../jobs/client.ts';
import { textIn } from '../derive/text.ts';
import type { Session } from '../session.ts';

/** After this, a notice says that stdin is being read: the user may not have meant to pipe anything. */
const STDIN_NOTICE_MS = 1_500;

/** The prompt of `rbee infer`: its words, then stdin. */
export async function readPrompt(words: readonly string[], session: Session): Promise<string> {
  const argument = words.join(' ');
  const piped = withoutLastNewline(await readPiped(words, session));
  return [argument, piped].filter((part) => part !== '').join('\n\n');
}

/** What is piped to stdin; '' when nothing is. @param words what the command line itself gives of it */
export async function readPiped(words: readonly string[], { view }: Session): Promise<string> {
  if (!isPiped(words.some((word) => word !== ''))) return '';
  const notice = setTimeout(() => {
    void view.narrate({ action: 'stdin', human: 'reading the rest from stdin; Ctrl-D ends it, </dev/null leaves it out' }, '');
  }, STDIN_NOTICE_MS);
  try {
    return await readStdin();
  } finally {
    clearTimeout(notice);
  }
}

/**
 * With a prompt in words, only a file or a pipe counts: the stdin that programs and schedulers give their children
 * (a socket, /dev/null) may never end.
 */
function isPiped(hasWords: boolean): boolean {
  if (process.stdin.isTTY) return false;
  try {
    const stdin = fstatSync(0);
    return !hasWords || stdin.isFile() || stdin.isFIFO() || stdin.isDirectory();
  } catch {
    // It is closed: there is nothing to read.
    return false;
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Node would read a folder as empty.
  if (fstatSync(0).isDirectory()) throw unreadable('it is a folder');
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > PROVEN_BODY_LIMITS.bytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    throw unreadable(UNREADABLE[code] ?? message, cause);
  }
  if (sizeBytes > PROVEN_BODY_LIMITS.bytes) {
    throw new JobError('body_too_large', `stdin is longer than ${PROVEN_BODY_LIMITS.bytes / 1024 / 1024} MiB.`);
  }
  return textIn(Buffer.concat(chunks), 'stdin');
}

function unreadable(why: string, cause?: unknown): JobError {
  return new JobError('invalid_input', `stdin cannot be read: ${why}.`, { cause });
}

const UNREADABLE: Readonly<Record<string, string>> = {
  EIO: 'the device reports an error',
  EBADF: 'it is not open for reading',
};

/** `echo` adds one that is not meant. */
function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}
