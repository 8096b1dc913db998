import { log } from '../../narration/index.ts';

/** A connection that ended sooner did not last. */
export const STABLE_MS = 10_000;

/**
 * Writes into the log when a hive is connected and when its connection has ended. A hive that comes and goes would fill the disk with that: it
 * is written once, and then nothing until a connection lasts.
 */
export class ReachabilityLog {
  readonly #hiveId: string;
  #comesAndGoes = false;
  /** Runs while it is connected, until that has lasted. */
  #lasting: NodeJS.Timeout | undefined;

  constructor(hiveId: string) {
    this.#hiveId = hiveId;
  }

  connected(): void {
    const hive_id = this.#hiveId;
    if (!this.#comesAndGoes) log.info({ hive_id }, `hive '${hive_id}' is connected`);
    clearTimeout(this.#lasting);
    this.#lasting = setTimeout(() => {
      if (this.#comesAndGoes) log.info({ hive_id }, `hive '${hive_id}' is connected again, and has stayed so`);
      this.#comesAndGoes = false;
    }, STABLE_MS).unref();
  }

  /** @param lastedMs how long it had been connected */
  ended(why: string, lastedMs: number): void {
    const hive_id = this.#hiveId;
    const didComeAndGo = this.#comesAndGoes;
    this.#comesAndGoes = lastedMs < STABLE_MS;
    clearTimeout(this.#lasting);
    if (!this.#comesAndGoes) log.info({ hive_id, why }, `the connection to hive '${hive_id}' has ended`);
    else if (!didComeAndGo)
      log.warn({ hive_id, why }, `the connection to hive '${hive_id}' does not last; it is tried again at growing intervals`);
  }

  close(): void {
    clearTimeout(this.#lasting);
  }
}
