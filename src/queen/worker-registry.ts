import type { WorkerHeartbeat } from '../contract/index.ts';

/** Three heartbeats missed: gone, or frozen, which is no better. */
const STALE_AFTER_MS = 10_000;

/** Workers remembered; of more, those heard of last. A fleet has far fewer. */
const WORKERS_LIMIT = 10_000;

/** What workers last said of themselves. Memory only: after a restart of the queen, the next heartbeats refill it. */
export class WorkerRegistry {
  readonly #last = new Map<string, { heartbeat: WorkerHeartbeat; at: number }>();

  record(heartbeat: WorkerHeartbeat): void {
    const key = `${heartbeat.hive_id}/${heartbeat.worker_id}`;
    // Taken out first, so that the map is in the order in which they were heard.
    this.#last.delete(key);
    if (heartbeat.state === 'stopping' || heartbeat.state === 'exited') return;
    this.#last.set(key, { heartbeat, at: Date.now() });
    const oldest = this.#last.keys().next();
    if (this.#last.size > WORKERS_LIMIT && !oldest.done) this.#last.delete(oldest.value);
  }

  /** Those heard of lately. */
  list(): WorkerHeartbeat[] {
    const now = Date.now();
    for (const [key, { at }] of this.#last) if (now - at > STALE_AFTER_MS) this.#last.delete(key);
    return [...this.#last.values()].map(({ heartbeat }) => heartbeat);
  }

  find(hiveId: string, workerId: string): WorkerHeartbeat | undefined {
    return this.list().find(({ hive_id, worker_id }) => hive_id === hiveId && worker_id === workerId);
  }
}
