import type { WorkerHeartbeat } from '../contract/index.ts';
import { call, type Peer } from '../jobs/index.ts';
import { log } from '../narration/index.ts';

const HEARTBEAT_INTERVAL_MS = 3_000;
const HEARTBEAT_DEADLINE_MS = 2_000;

/**
 * Sends the state of this worker to its hive: every few seconds, and at once on every change. One at a time: a change while one is
 * being sent goes out with the next. Sending continues while the hive does not answer.
 */
export class Heartbeat {
  readonly #hive: Peer;
  readonly #current: () => WorkerHeartbeat;
  readonly #timer: NodeJS.Timeout;
  #isSending = false;
  #isStale = false;
  #isReceived = true;

  constructor(hive: Peer, current: () => WorkerHeartbeat) {
    this.#hive = hive;
    this.#current = current;
    this.#timer = setInterval(() => this.beat(), HEARTBEAT_INTERVAL_MS).unref();
  }

  beat(): void {
    this.#isStale = true;
    if (!this.#isSending) void this.#send();
  }

  /** Sends a last heartbeat; resolves when it is sent or has failed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isStale = true;
    await this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#isStale) {
      this.#isStale = false;
      const isReceived = await this.#sendOnce();
      if (isReceived !== this.#isReceived)
        log.info(
          { action: 'heartbeat' },
          isReceived ? 'the hive receives heartbeats again' : 'the hive does not answer heartbeats',
        );
      this.#isReceived = isReceived;
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
