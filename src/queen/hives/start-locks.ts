import { raceAbort } from '../../jobs/index.ts';

/**
 * Per-hive lock: during an install, an update or a removal, only the installer may start or stop the hive. It is not the hive's gate
 * (gates.ts): while an update drains the hive, the gate is closed already, but a job inside may still need a restart of the hive.
 */
export class StartLocks {
  readonly #locked = new Map<string, Promise<void>>();

  /**
   * Runs `act` once no installer has the lock. `act` is called in the same tick as the last look, so that no installer can come between.
   * @throws the signal's reason
   */
  async whenFree<T>(hiveId: string, signal: AbortSignal, act: () => Promise<T> | T): Promise<T> {
    for (let locked = this.#locked.get(hiveId); locked !== undefined; locked = this.#locked.get(hiveId))
      await raceAbort(locked, signal);
    return act();
  }

  /**
   * @param settled resolves when a start or stop that is under way is over; no other begins meanwhile
   * @returns releases the lock
   * @throws the signal's reason
   */
  async lock(hiveId: string, signal: AbortSignal, settled: () => Promise<void>): Promise<() => void> {
    const release = await this.whenFree(hiveId, signal, () => this.#take(hiveId));
    try {
      await raceAbort(settled(), signal);
      return release;
    } catch (cause) {
      release();
      throw cause;
    }
  }

  #take(hiveId: string): () => void {
    let resolve: () => void = () => undefined;
    this.#locked.set(hiveId, new Promise((onReleased) => (resolve = onReleased)));
    let isLocked = true;
    return () => {
      if (isLocked) this.#locked.delete(hiveId);
      isLocked = false;
      resolve();
    };
  }
}
