import { paintFor, type Paint } from './paint.ts';

// A pipe has no edge: nothing is cut for scripts like grep.

/** stdout or stderr: waits for a slow reader, and falls silent when the reader has gone. */
export class Pane {
  readonly isTerminal: boolean;
  readonly paint: Paint;
  readonly #stream: NodeJS.WriteStream;
  readonly #gone = new AbortController();

  constructor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY;
    this.paint = paintFor(this.isTerminal, env);
    // EPIPE (`| head -1`), EIO (the terminal was closed): nobody reads any more, which is no error of ours.
    stream.on('error', () => this.#gone.abort());
  }

  /** Aborts when nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get columns(): number {
    // A terminal that does not know its width says 0.
    return (this.isTerminal && this.#stream.columns) || Infinity;
  }

  /** Resolves when there is room for more. */
  async write(text: string): Promise<void> {
    if (text === '' || this.gone.aborted) return;
    if (this.#stream.write(text)) return;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        this.#stream.off('drain', goOn);
        this.gone.removeEventListener('abort', goOn);
        resolve();
      };
      this.#stream.on('drain', goOn);
      this.gone.addEventListener('abort', goOn);
    });
  }
}
