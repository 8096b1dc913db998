import { constants } from 'node:os';

/** Ctrl-C, Ctrl-\\, a closed terminal, and `kill`. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** The first signal lets the command clean up and exit, the second exits at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  #exitCode: number | undefined;
  #isListening = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** As shells report it: 130 after Ctrl-C, 129 after the terminal was closed. Undefined without a signal. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** From now on a signal no longer exits the process. For commands that have something to clean up. */
  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const onSignal = (signal: NodeJS.Signals) => {
      const exitCode = 128 + constants.signals[signal];
      if (this.#exitCode !== undefined) process.exit(exitCode);
      this.#exitCode = exitCode;
      this.#controller.abort();
    };
    for (const signal of SIGNALS) {
      // With `nohup`: Node does not inherit ignored signals, so ./rbee passes this on.
      if (signal === 'SIGHUP' && process.env['RBEE_NOHUP'] === '1') process.on(signal, () => undefined);
      else process.on(signal, onSignal);
    }
  }
}
