import type { JobError } from '../../contract/index.ts';
import type { FleetIndex } from './fleet-index.ts';

/** A retryable failure excludes a hive for this long. */
const AVOIDED_MS = 60_000;

interface Entry {
  why: string;
  failure: JobError | undefined;
  /** How often the hive had come up by then. */
  ups: number;
  untilMs: number;
}

/**
 * The hives that a request does not use because they have failed it. An entry expires when the hive comes up again, and after a minute
 * where the failure was retryable.
 */
export class FailedHives {
  readonly #fleet: Pick<FleetIndex, 'hive'>;
  readonly #entries: Map<string, Entry>;

  constructor(fleet: Pick<FleetIndex, 'hive'>, entries: ReadonlyMap<string, Entry> = new Map()) {
    this.#fleet = fleet;
    this.#entries = new Map(entries);
  }

  /** @param why completes "hive 'attic' …" */
  add(hiveId: string, why: string, failure?: JobError): void {
    const ups = this.#fleet.hive(hiveId)?.ups ?? 0;
    const untilMs = failure?.retryable === false ? Infinity : performance.now() + AVOIDED_MS;
    this.#entries.set(hiveId, { why, failure, ups, untilMs });
  }

  /** A copy for more entries that do not change this one. */
  copy(): FailedHives {
    return new FailedHives(this.#fleet, this.#entries);
  }

  /** By hive, why it is excluded now. */
  now(): Map<string, string> {
    const now = performance.now();
    for (const [hiveId, { ups, untilMs }] of this.#entries)
      if (untilMs <= now || this.#fleet.hive(hiveId)?.ups !== ups) this.#entries.delete(hiveId);
    return new Map([...this.#entries].map(([hiveId, { why }]) => [hiveId, why]));
  }

  /** The latest failure that still counts: it says more than that no place is left. */
  get failure(): JobError | undefined {
    return [...this.#entries.values()].findLast(({ failure }) => failure !== undefined)?.failure;
  }
}
