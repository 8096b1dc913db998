/** A worker that dies is started again so often within the window; then something is wrong that a restart does not mend. */
export const RESTARTS = 3;
export const RESTART_WINDOW_MS = 10 * 60_000;

/** Counts the restarts of each worker. */
export class RestartBudget {
  readonly #restartedAt = new Map<string, number[]>();

  /**
   * Takes one restart, if there is one left.
   * @param now milliseconds of a clock that only goes forward
   */
  take(workerId: string, now: number): boolean {
    const recent = (this.#restartedAt.get(workerId) ?? []).filter((at) => now - at < RESTART_WINDOW_MS);
    if (recent.length >= RESTARTS) return false;
    this.#restartedAt.set(workerId, [...recent, now]);
    return true;
  }

  /** A person has looked at it, or it is gone. */
  forget(workerId: string): void {
    this.#restartedAt.delete(workerId);
  }
}
