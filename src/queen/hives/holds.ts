import { raceAbort } from '../../jobs/index.ts';

/** Who alone may start or end a hive just now: while what is installed on its machine is exchanged, or started by whoever installs it. */
export class Holds {
  readonly #held = new Map<string, Promise<void>>();

  /** Resolves when whoever holds it lets go; undefined when nobody does. */
  held(hiveId: string): Promise<void> | undefined {
    return this.#held.get(hiveId);
  }

  /** Resolves when nobody holds it. @throws the signal's reason */
  async free(hiveId: string, signal: AbortSignal): Promise<void> {
    for (let held = this.held(hiveId); held !== undefined; held = this.held(hiveId)) await raceAbort(held, signal);
  }

  /**
   * @param settled resolves when what others have begun there is over; nobody begins more
   * @returns to be called to let go
   * @throws the signal's reason
   */
  async hold(hiveId: string, signal: AbortSignal, settled: () => Promise<void>): Promise<() => void> {
    for (let held = this.held(hiveId); held !== undefined; held = this.held(hiveId)) await raceAbort(held, signal);
    // Nothing comes between the last look and this.
    let resolve: () => void = () => undefined;
    this.#held.set(hiveId, new Promise((onReleased) => (resolve = onReleased)));
    let isHeld = true;
    const release = () => {
      if (isHeld) this.#held.delete(hiveId);
      isHeld = false;
      resolve();
    };
    try {
      await raceAbort(settled(), signal);
      return release;
    } catch (cause) {
      release();
      throw cause;
    }
  }
}
