import { setTimeout as delay } from 'node:timers/promises';
import { JobError, type Hive } from '../../contract/index.ts';
import { isSilence, RECONNECT_DEADLINE_MS, type Broken } from '../../jobs/index.ts';
import { log, narrate } from '../../narration/index.ts';
import type { FleetView } from '../presence/index.ts';
import type { Reach } from './reach.ts';

const never = new AbortController().signal;
/** A hive that is quiet now and then is not told of again and again. */
const SAID_AGAIN_MS = 10_000;

/**
 * For one job on a hive: whoever waits for it is told at once when the hive is lost, what is waited for and how long. Meanwhile it is
 * mended: started again where it died, reached anew where the way to it broke. It takes its jobs up where they were.
 */
export class LostHive {
  readonly #hive: Hive;
  readonly #reach: Reach;
  #isSaid = false;
  /** Why it is not back, as far as anybody knows. */
  #why: string | undefined;

  constructor(hive: Hive, { reach }: { reach: Reach }) {
    this.#hive = hive;
    this.#reach = reach;
  }

  /** Called when the connection broke that brings the job's events, and for each try to make it again. */
  readonly onReconnect = ({ reason, cause, leftMs }: Broken): void => {
    const { hive_id } = this.#hive;
    // One word is enough.
    if (!this.#isSaid) narrate('hive_lost', `lost hive '${hive_id}' (${reason}); ${waiting(leftMs)}`);
    this.#isSaid = true;
    this.#why ??= reason;
    this.#reach.markStale(this.#hive, { wasSilent: isSilence(cause) });
    this.#reach.ensure(this.#hive, never).catch((cause: unknown) => {
      // That a port of this machine leads nowhere says less than why it does.
      if (cause instanceof JobError) this.#why = cause.message;
      log.warn({ err: cause }, `hive '${hive_id}' is lost`);
    });
  };

  /** A connection that is cut off is only silent at first: tells it long before the connection is given up, for as long as `isTaken`. */
  async tellQuiet(view: FleetView, { isTaken, over }: { isTaken: () => boolean; over: AbortSignal }): Promise<void> {
    const { hive_id } = this.#hive;
    for (let watch = view.watch(hive_id); watch !== undefined && !over.aborted; watch = view.watch(hive_id)) {
      await watch.lost(0, over);
      const { quietMs } = watch;
      if (quietMs > 0 && isTaken() && !this.#isSaid)
        narrate(
          'hive_quiet',
          `hive '${hive_id}' has said nothing for ${quietMs / 1_000} s; ${waiting(RECONNECT_DEADLINE_MS - quietMs)}`,
        );
      await delay(SAID_AGAIN_MS, undefined, { signal: over, ref: false }).catch(() => undefined);
    }
  }

  /** What the job failed with, told by what kept the hive away. */
  explain(cause: unknown): unknown {
    if (!this.#isSaid || !(cause instanceof JobError) || cause.code !== 'hive_unreachable') return cause;
    const sentence = `Hive '${this.#hive.hive_id}' was lost, and is not back after ${RECONNECT_DEADLINE_MS / 1_000} s`;
    return new JobError('hive_unreachable', `${sentence}: ${this.#why ?? cause.message}`, { cause });
  }
}

function waiting(leftMs: number): string {
  return `waiting for it, for at most ${Math.ceil(leftMs / 1_000)} s, to go on where it was`;
}
