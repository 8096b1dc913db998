import { constants } from 'node:os';

/** Ctrl-C, Ctrl-\\, the end of the terminal, and what `kill` sends. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** The first signal asks the command to end well, the second ends the process at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  #exitCode: number | undefined;
  #isListening = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** As a shell reports it: 130 after Ctrl-C, 129 after the end of the terminal. Undefined when nobody interrupted. */
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
    for (const signal of SIGNALS) {
      // Of `nohup`: Node itself forgets what it was started to ignore, so ./rbee tells.
      if (signal === 'SIGHUP' && process.env['RBEE_NOHUP'] === '1') process.on(signal, () => undefined);
      else process.on(signal, hear);
    }
  }
}
