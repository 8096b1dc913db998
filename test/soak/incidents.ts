import type { Daemon } from '../support/daemon-processes.ts';

interface Incident {
  daemon: Daemon;
  from: number;
  until: number;
}

/** Which daemon was struck, and when. */
export class Incidents {
  readonly #all: Incident[] = [];

  /** @param lastsMs how long jobs may still be affected */
  note(daemon: Daemon, lastsMs: number): void {
    this.#all.push({ daemon, from: Date.now(), until: Date.now() + lastsMs });
  }

  /** The daemons struck in a period. */
  struck(from: number, until: number): Set<Daemon> {
    return new Set(this.#all.filter((one) => one.from >= from && one.from <= until).map(({ daemon }) => daemon));
  }

  /** The daemons affected in a period, also by an earlier strike. */
  during(from: number, until: number): Set<Daemon> {
    return new Set(this.#all.filter((one) => one.from <= until && one.until >= from).map(({ daemon }) => daemon));
  }
}
