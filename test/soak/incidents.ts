import type { Daemon } from '../support/daemon-processes.ts';

interface Incident {
  daemon: Daemon;
  from: number;
  until: number;
}

/** What has happened to which daemon, and when. */
export class Incidents {
  readonly #all: Incident[] = [];

  /** @param lastsMs how long after it jobs may still feel it */
  note(daemon: Daemon, lastsMs: number): void {
    this.#all.push({ daemon, from: Date.now(), until: Date.now() + lastsMs });
  }

  /** Which of them were struck in a time. */
  struck(from: number, until: number): Set<Daemon> {
    return new Set(this.#all.filter((one) => one.from >= from && one.from <= until).map(({ daemon }) => daemon));
  }

  /** Which of them something was the matter with, from before perhaps. */
  during(from: number, until: number): Set<Daemon> {
    return new Set(this.#all.filter((one) => one.from <= until && one.until >= from).map(({ daemon }) => daemon));
  }
}
