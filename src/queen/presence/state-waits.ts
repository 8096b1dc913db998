import { raceAbort } from '../../jobs/index.ts';

/** Waits for something about one hive, each with its own deadline and signal. */
export class StateWaits {
  readonly #looks = new Set<() => void>();
  readonly #closed: AbortSignal;

  /** @param closed ends all waits */
  constructor(closed: AbortSignal) {
    this.#closed = closed;
  }

  /** To be called after every change. */
  changed(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves when it is so, or after so long, or when the hive is no longer watched. @throws the signal's reason */
  async until(isSo: () => boolean, withinMs: number, signal: AbortSignal): Promise<void> {
    const settled = new Promise<void>((resolve) => {
      let isLate = false;
      const look = () => {
        if (!isSo() && !isLate && !this.#closed.aborted && !signal.aborted) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        signal.removeEventListener('abort', look);
        resolve();
      };
      // Not AbortSignal.timeout in an AbortSignal.any: the garbage collection of Node 20 drops it, and it never fires.
      const timer = setTimeout(() => {
        isLate = true;
        look();
      }, withinMs).unref();
      this.#looks.add(look);
      signal.addEventListener('abort', look);
      look();
    });
    await raceAbort(settled, signal);
  }

  /** Resolves when it has been so for this long without a break. Never resolves once the signal has aborted. */
  async lasting(isSo: () => boolean, forMs: number, signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const forget = () => {
        clearTimeout(timer);
        this.#looks.delete(look);
        signal.removeEventListener('abort', forget);
      };
      const look = () => {
        if (isSo()) timer ??= setTimeout(() => (forget(), resolve()), forMs).unref();
        else {
          clearTimeout(timer);
          timer = undefined;
        }
      };
      this.#looks.add(look);
      signal.addEventListener('abort', forget);
      look();
    });
  }
}
