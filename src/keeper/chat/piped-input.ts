import { createInterface } from 'node:readline';
import { JobError } from '../../contract/index.ts';
import type { ChatInput } from './chat-input.ts';
import { LineReader } from './line-reader.ts';

/** Messages from a pipe or a file. Ctrl-C ends the command, as it does for every other one. */
export class PipedInput implements ChatInput {
  readonly isTerminal = false;
  readonly #reader = new LineReader();
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #failed: Promise<never>;

  constructor(stdin: NodeJS.ReadableStream) {
    // Readline does not pass it on.
    this.#failed = new Promise((_resolve, reject) => {
      stdin.once('error', (cause: Error) =>
        reject(new JobError('invalid_input', `stdin cannot be read: ${cause.message}.`, { cause })),
      );
    });
    this.#failed.catch(() => undefined);
    this.#lines = createInterface({ input: stdin, crlfDelay: Infinity })[Symbol.asyncIterator]();
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      const line = await Promise.race([this.#lines.next(), this.#failed]);
      if (line.done === true) return this.#reader.take();
      const message = this.#reader.push(line.value);
      if (message !== undefined) return message;
    }
  }

  during<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  [Symbol.dispose](): void {
    void this.#lines.return?.();
  }
}
