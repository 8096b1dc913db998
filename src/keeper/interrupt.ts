import { constants } from 'node:os';

/** Ctrl-C and SIGTERM: the first asks the command to end well, the second ends the process at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  #exitCode: number | undefined;
  #isListening = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** As a shell reports it: 130 after Ctrl-C, 143 after SIGTERM. Undefined when nobody interrupted. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** From now on a signal no longer ends the process by itself. For commands that have something to end well. */
  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const hear = (signal: NodeJS.Signals) => {
      const exitCode = 128 + constants.signals[signal];
      if (this.#exitCode !== undefined) process.exit(exitCode);
      this.#exitCode = exitCode;
      this.#controller.abort();
    };
    process.on('SIGINT', hear).on('SIGTERM', hear);
  }
}
