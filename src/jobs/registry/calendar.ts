import type { Catalog, Collection } from '../catalog/catalog.ts';

/** What one look adds at most: a clock that jumps, a machine that sleeps or is off, ages nothing by more than this. */
export const LONGEST_STEP_MS = 24 * 60 * 60 * 1000;

interface Reading {
  /** The wall clock, at the last look. */
  wallMs: number;
  calendarMs: number;
}

/**
 * The time by which jobs grow old, in milliseconds as the wall clock counts them. It goes with the wall clock, but never backwards, and
 * never further than LONGEST_STEP_MS between two looks, also where a restart lies between them. So a wall clock that was wrong for a
 * while has deleted nothing by it.
 */
export class Calendar {
  readonly #readings: Collection<Reading>;
  readonly #wall: () => number;
  #reading: Reading;

  constructor(catalog: Catalog, wall: () => number = Date.now) {
    this.#readings = catalog.collection<Reading>('calendar', [], asReading);
    this.#wall = wall;
    const now = wall();
    this.#reading = step(this.#readings.get('last') ?? { wallMs: now, calendarMs: now }, now);
  }

  now(): number {
    this.#reading = step(this.#reading, this.#wall());
    return Math.round(this.#reading.calendarMs);
  }

  /** @throws JobError disk_full */
  store(): void {
    this.#readings.put('last', this.#reading);
  }
}

function step({ wallMs, calendarMs }: Reading, now: number): Reading {
  return { wallMs: now, calendarMs: calendarMs + Math.min(Math.max(now - wallMs, 0), LONGEST_STEP_MS) };
}

function asReading(value: Partial<Reading>): Reading | undefined {
  const { wallMs, calendarMs } = value;
  return Number.isFinite(wallMs) && Number.isFinite(calendarMs) ? (value as Reading) : undefined;
}
