import { setTimeout as delay } from 'node:timers/promises';
import { JobError, type Hive } from '../../contract/index.ts';
import { isSilence, RECONNECT_DEADLINE_MS, type Broken } from '../../jobs/index.ts';
import { log, narrate } from '../../narration/index.ts';
import type { FleetView } from '../presence/index.ts';
import type { Reach } from './reach.ts';

/** A hive that misses a ping now and then is not narrated each time. */
const REPEAT_AFTER_MS = 10_000;

/**
 * For one job on a hive: reports to its client at once that the hive is unreachable, and for how long rbee waits for it. Meanwhile the hive is
 * restarted where it has exited, and connected again where the connection broke. It then resumes its jobs.
 */
export class HiveLossReporter {
  readonly #hive: Hive;
  readonly #reach: Reach;
  #isReported = false;
  /** Why it is not back, as far as is known. */
  #why: string | undefined;

  constructor(hive: Hive, { reach }: { reach: Reach }) {
    this.#hive = hive;
    this.#reach = reach;
  }

  /** Called when the connection broke that brings the job's events, and for each try to make it again. */
  readonly onReconnect = ({ reason, cause, leftMs }: Broken): void => {
    const { hive_id } = this.#hive;
    if (!this.#isReported) narrate('hive_lost', `hive '${hive_id}' is unreachable (${reason}); ${waiting(leftMs)}`);
    this.#isReported = true;
    this.#why ??= reason;
    this.#reach.markStale(this.#hive, { wasSilent: isSilence(cause) });
    // A signal of its own: many jobs may wait for one hive.
    this.#reach.ensure(this.#hive, new AbortController().signal).catch((cause: unknown) => {
      // Why the hive cannot be started says more than that its port refuses connections.
      if (cause instanceof JobError) this.#why = cause.message;
      log.warn({ err: cause }, `hive '${hive_id}' is unreachable`);
    });
  };

  /** A connection that was cut off is only silent at first: reports that long before the connection is given up, while `isTaken`. */
  async reportSilence(view: FleetView, { isTaken, over }: { isTaken: () => boolean; over: AbortSignal }): Promise<void> {
    const { hive_id } = this.#hive;
    for (let watch = view.watch(hive_id); watch !== undefined && !over.aborted; watch = view.watch(hive_id)) {
      await watch.downFor(0, over);
      const { quietMs } = watch;
      if (quietMs > 0 && isTaken() && !this.#isReported)
        narrate(
          'hive_quiet',
          `hive '${hive_id}' has sent no heartbeat for ${quietMs / 1_000} s; ${waiting(RECONNECT_DEADLINE_MS - quietMs)}`,
        );
      await delay(REPEAT_AFTER_MS, undefined, { signal: over, ref: false }).catch(() => undefined);
    }
  }

  /** The failure of the job, with the reason why the hive did not come back. */
  explain(cause: unknown): unknown {
    if (!this.#isReported || !(cause instanceof JobError) || cause.code !== 'hive_unreachable') return cause;
    const sentence = `Hive '${this.#hive.hive_id}' was unreachable for ${RECONNECT_DEADLINE_MS / 1_000} s`;
    return new JobError('hive_unreachable', `${sentence}: ${this.#why ?? cause.message}`, { cause });
  }
}

function waiting(leftMs: number): string {
  return `waiting up to ${Math.ceil(leftMs / 1_000)} s for it to resume`;
}
