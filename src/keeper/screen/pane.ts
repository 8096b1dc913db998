import { fstatSync, writeSync } from 'node:fs';
import { JobError } from '../../contract/index.ts';
import { forPipe, forTerminal, ownSequence, paintFor, type Paint } from './paint.ts';

/** Returns to the first column and erases the line. */
export const CLEAR_LINE = ownSequence('\r\u001b[2K');

type Outlet = NodeJS.WriteStream & { fd?: number };

/**
 * stdout or stderr, and the one place where text is made safe for a terminal. A pipe or a file gets it as it is and has no width, so
 * that nothing is cut for scripts. Waits for a slow reader; drops the text when the reader is gone.
 */
export class Pane {
  readonly isTerminal: boolean;
  /** Whether a line can be written over. */
  readonly canRewrite: boolean;
  readonly paint: Paint;
  readonly #stream: Outlet;
  readonly #file: number | undefined;
  readonly #isForAnswers: boolean;
  readonly #gone = new AbortController();
  #hasFailed = false;

  /** @param holds 'answers' must arrive; a failure to write 'notes' could not be reported anywhere */
  constructor(stream: Outlet, env: Readonly<Record<string, string | undefined>>, holds: 'answers' | 'notes' = 'answers') {
    this.#stream = stream;
    this.#isForAnswers = holds === 'answers';
    this.isTerminal = stream.isTTY;
    this.canRewrite = this.isTerminal && env['TERM'] !== 'dumb';
    this.paint = paintFor(this.isTerminal, env);
    this.#file = fileOf(stream);
    // The failed write reports it too. Without a listener, Node would exit.
    stream.on('error', (error: NodeJS.ErrnoException) => this.#noteGone(error));
  }

  /** Aborts when there is no reader any longer. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get columns(): number {
    // A terminal of unknown width reports 0.
    return (this.isTerminal && this.#stream.columns) || Infinity;
  }

  /**
   * Resolves when it is written, or when the reader is gone.
   * @throws JobError output_failed, once: later text is dropped
   */
  async write(text: string): Promise<void> {
    if (text === '' || this.gone.aborted || this.#hasFailed) return;
    try {
      await this.#send(this.isTerminal ? forTerminal(text) : forPipe(text));
    } catch (cause) {
      this.#noteGone(cause as NodeJS.ErrnoException);
      const failure = this.#failure(cause as NodeJS.ErrnoException);
      if (failure !== undefined) throw failure;
    }
  }

  /** Reported once, and not for a reader that is gone. */
  #failure(cause: NodeJS.ErrnoException): JobError | undefined {
    if (this.gone.aborted || this.#hasFailed) return undefined;
    this.#hasFailed = true;
    const why = WHY[cause.code ?? ''] ?? cause.message;
    const hint = HINTS[cause.code ?? ''];
    return new JobError('output_failed', `The output could not be written: ${why}.`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  async #send(text: string): Promise<void> {
    const file = this.#file;
    if (file === undefined) {
      return new Promise((resolve, reject) => {
        this.#stream.write(text, (error) => (error ? reject(error) : resolve()));
      });
    }
    // An almost full disk accepts a part of it, which Node's own stream would not notice.
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  }

  /** EPIPE (`| head -1`), or EIO of a closed terminal: the reader is gone, which is not an error. */
  #noteGone({ code }: NodeJS.ErrnoException): void {
    if (!this.#isForAnswers || code === 'EPIPE' || (code === 'EIO' && this.isTerminal)) this.#gone.abort();
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would exceed the allowed size',
  EBADF: 'stdout is closed',
  EIO: 'the device reports an error',
};

/** Where the hint of a full disk would mislead. */
const HINTS: Readonly<Record<string, string>> = {
  EFBIG: 'Raise the limit (ulimit -f), or write the output somewhere else.',
  EBADF: 'Leave stdout open, or send the output somewhere: > answer.txt',
  EIO: 'Check the device, or write the output somewhere else.',
};

/** The descriptor of a file or a device, where a write is synchronous; undefined for a terminal, a pipe or a socket. */
function fileOf({ fd, isTTY }: Outlet): number | undefined {
  if (fd === undefined || isTTY) return undefined;
  const kind = fstatSync(fd);
  return kind.isFile() || kind.isCharacterDevice() ? fd : undefined;
}
