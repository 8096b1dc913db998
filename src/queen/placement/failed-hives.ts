import type { JobError } from '../../contract/index.ts';
import type { FleetIndex } from './fleet-index.ts';

/** A failure that may pass by itself keeps a request from a hive for this long. */
const AVOIDED_MS = 60_000;

interface Entry {
  why: string;
  failure: JobError | undefined;
  /** How often the hive had come up by then. */
  ups: number;
  untilMs: number;
}

/**
 * The hives that a request is not given to, because they have failed it. No entry is kept for ever: it is dropped when the hive
 * comes up anew, and after a minute where the same try may go better then.
 */
export class FailedHives {
  readonly #fleet: Pick<FleetIndex, 'hive'>;
  readonly #entries: Map<string, Entry>;

  constructor(fleet: Pick<FleetIndex, 'hive'>, entries: ReadonlyMap<string, Entry> = new Map()) {
    this.#fleet = fleet;
    this.#entries = new Map(entries);
  }

  /** @param why as the end of "hive 'attic' …" */
  add(hiveId: string, why: string, failure?: JobError): void {
    const ups = this.#fleet.hive(hiveId)?.ups ?? 0;
    const untilMs = failure?.retryable === false ? Infinity : performance.now() + AVOIDED_MS;
    this.#entries.set(hiveId, { why, failure, ups, untilMs });
  }

  /** For somebody who notes more that is of no matter to others. */
  copy(): FailedHives {
    return new FailedHives(this.#fleet, this.#entries);
  }

  /** By hive, why it is failedHives now. */
  now(): Map<string, string> {
    const now = performance.now();
    for (const [hiveId, { ups, untilMs }] of this.#entries)
      if (untilMs <= now || this.#fleet.hive(hiveId)?.ups !== ups) this.#entries.delete(hiveId);
    return new Map([...this.#entries].map(([hiveId, { why }]) => [hiveId, why]));
  }

  /** What went wrong last where it was tried, as long as that counts: it says more than that nothing is left. */
  get failure(): JobError | undefined {
    return [...this.#entries.values()].findLast(({ failure }) => failure !== undefined)?.failure;
  }
}
