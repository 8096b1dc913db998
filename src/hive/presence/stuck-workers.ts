import type { WorkerHeartbeat } from '../../contract/index.ts';

/** A step of a large model on an old CPU takes minutes. A driver that hangs never returns, although its process still answers. */
export const STUCK_MS = 10 * 60_000;

/** Finds workers that answer but compute nothing, although requests are in their slots. */
export class StuckWorkers {
  /** By worker: its steps, and since when the number stands still. */
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
