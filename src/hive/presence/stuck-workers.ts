import type { WorkerHeartbeat } from '../../contract/index.ts';

/** A step of a large model on an old CPU takes minutes; a driver that hangs never comes back, and its process answers all the same. */
export const STUCK_MS = 10 * 60_000;

/** Finds workers that answer and compute nothing, although requests are in their slots. */
export class StuckWorkers {
  /** By worker: its steps, and since when there have been no more. */
  readonly #byId = new Map<string, { steps: number; sinceMs: number }>();

  isStuck({ worker_id, steps, slots_used }: Pick<WorkerHeartbeat, 'worker_id' | 'steps' | 'slots_used'>, now: number): boolean {
    const before = this.#byId.get(worker_id);
    if (slots_used > 0 && before?.steps === steps) return now - before.sinceMs >= STUCK_MS;
    this.#byId.set(worker_id, { steps, sinceMs: now });
    return false;
  }

  forget(workerId: string): void {
    this.#byId.delete(workerId);
  }
}
