/** A worker that fails is restarted this often within the window; after that, a restart does not fix the cause. */
export const RESTARTS = 3;
export const RESTART_WINDOW_MS = 10 * 60_000;

/** Counts the restarts of each worker. */
export class RestartBudget {
  readonly #restartedAt = new Map<string, number[]>();

  /**
   * Takes one restart, if one is left.
   * @param now milliseconds of a monotonic clock
   */
  take(workerId: string, now: number): boolean {
    const recent = (this.#restartedAt.get(workerId) ?? []).filter((at) => now - at < RESTART_WINDOW_MS);
    if (recent.length >= RESTARTS) return false;
    this.#restartedAt.set(workerId, [...recent, now]);
    return true;
  }

  /** For a worker that was restarted by a request, or deleted. */
  forget(workerId: string): void {
    this.#restartedAt.delete(workerId);
  }
}
