import type { WorkerHeartbeat } from '../contract/index.ts';
import { call, type Peer } from '../jobs/index.ts';
import { log } from '../narration/index.ts';

const HEARTBEAT_INTERVAL_MS = 3_000;
const HEARTBEAT_DEADLINE_MS = 2_000;

/**
 * Tells the hive how this worker is: every few seconds, and at once on every change. One at a time: what changes while
 * one is under way goes out with the next. A hive that is away is told when it is back.
 */
export class Heartbeat {
  readonly #hive: Peer;
  readonly #current: () => WorkerHeartbeat;
  readonly #timer: NodeJS.Timeout;
  #isSending = false;
  #isStale = false;
  #wasHeard = true;

  constructor(hive: Peer, current: () => WorkerHeartbeat) {
    this.#hive = hive;
    this.#current = current;
    this.#timer = setInterval(() => this.beat(), HEARTBEAT_INTERVAL_MS).unref();
  }

  beat(): void {
    this.#isStale = true;
    if (!this.#isSending) void this.#send();
  }

  /** Resolves when the last word is out, or could not be said. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isStale = true;
    await this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#isStale) {
      this.#isStale = false;
      const wasHeard = await this.#sendOnce();
      if (wasHeard !== this.#wasHeard)
        log.info({ action: 'heartbeat' }, wasHeard ? 'the hive hears again' : 'the hive does not hear');
      this.#wasHeard = wasHeard;
    }
    this.#isSending = false;
  }

  async #sendOnce(): Promise<boolean> {
    const body = JSON.stringify(this.#current());
    const signal = AbortSignal.timeout(HEARTBEAT_DEADLINE_MS);
    return call(this.#hive, { method: 'POST', path: '/v1/worker-heartbeat', body, signal }).then(
      () => true,
      () => false,
    );
  }
}
