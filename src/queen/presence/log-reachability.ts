import { log } from '../../narration/index.ts';

/** A connection that ended sooner did not last. */
export const STABLE_MS = 10_000;

interface Ending {
  why: string;
  /** How long it had been connected. */
  lastedMs: number;
  /** The hive was stopped on purpose. */
  isIntended: boolean;
}

/**
 * Logs when a hive is connected and when its connection has ended. A hive that keeps reconnecting would fill the disk with that: it is logged
 * once, and then not until a connection lasts.
 */
export class ReachabilityLog {
  readonly #hiveId: string;
  #isUnstable = false;
  /** Runs while it is connected, until that has lasted. */
  #lasting: NodeJS.Timeout | undefined;

  constructor(hiveId: string) {
    this.#hiveId = hiveId;
  }

  connected(): void {
    const hive_id = this.#hiveId;
    if (!this.#isUnstable) log.info({ hive_id }, `hive '${hive_id}' is connected`);
    clearTimeout(this.#lasting);
    this.#lasting = setTimeout(() => {
      if (this.#isUnstable) log.info({ hive_id }, `hive '${hive_id}' is connected again, and the connection is stable`);
      this.#isUnstable = false;
    }, STABLE_MS).unref();
  }

  ended({ why, lastedMs, isIntended }: Ending): void {
    const hive_id = this.#hiveId;
    const wasUnstable = this.#isUnstable;
    this.#isUnstable = lastedMs < STABLE_MS && !isIntended;
    clearTimeout(this.#lasting);
    if (!this.#isUnstable) log.info({ hive_id, why }, `the connection to hive '${hive_id}' has ended`);
    else if (!wasUnstable)
      log.warn({ hive_id, why }, `the connection to hive '${hive_id}' keeps breaking; retrying at growing intervals`);
  }

  close(): void {
    clearTimeout(this.#lasting);
  }
}
