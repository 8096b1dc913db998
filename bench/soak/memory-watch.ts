import { residentBytes } from '../cpu-time.ts';
import { daemonsOf, type Daemon } from '../daemon-processes.ts';
import { slopeOf, type Point, type Slope } from './slope.ts';

export const MEMORY_LIMIT_MB_PER_MINUTE = 2;
/** A process grows to its working size in its first minute. */
const SETTLE_MS = 60_000;
/** A line through less than this says nothing. */
const JUDGED_SPAN_MS = 60_000;
const SAMPLE_MS = 500;
/** Between collections memory goes up and down; the lowest of each such time is what is really held. */
const WINDOW_MS = 6_000;

const WATCHED: Daemon[] = ['queen', 'hive', 'worker'];

interface Life {
  daemon: Daemon;
  pid: number;
  /** x in ms since its first sample, y in MB. */
  samples: Point[];
  since: number;
}

export interface Growth {
  daemon: Daemon;
  /** Processes that there have been. */
  lives: number;
  mostMB: number;
  last: { livedMs: number; MB: number; slope: Slope | undefined; isJudged: boolean };
}

/** Resident memory of the daemons, each process for itself. */
export class MemoryWatch implements Disposable {
  readonly #home: string;
  readonly #lives = new Map<number, Life>();
  readonly #timer: NodeJS.Timeout;

  constructor(home: string) {
    this.#home = home;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  now(daemon: Daemon): number {
    return this.#last(daemon)?.samples.at(-1)?.y ?? NaN;
  }

  growths(): Growth[] {
    return WATCHED.flatMap((daemon) => {
      const last = this.#last(daemon);
      const all = [...this.#lives.values()].filter((life) => life.daemon === daemon);
      const mostMB = Math.max(...all.flatMap(({ samples }) => samples.map(({ y }) => y)));
      return last === undefined ? [] : [{ daemon, lives: all.length, mostMB, last: growthOf(last) }];
    });
  }

  #last(daemon: Daemon): Life | undefined {
    return [...this.#lives.values()].filter((life) => life.daemon === daemon).at(-1);
  }

  #sample(): void {
    for (const daemon of WATCHED) {
      for (const pid of daemonsOf(this.#home, daemon)) {
        try {
          const y = residentBytes(pid) / 1e6;
          if (Number.isNaN(y)) continue;
          const life = this.#lives.get(pid) ?? { daemon, pid, samples: [], since: Date.now() };
          this.#lives.set(pid, life);
          life.samples.push({ x: Date.now() - life.since, y });
        } catch {
          // It has just ended.
        }
      }
    }
  }
}

/** Of a shorter life, the second half is judged, or nothing. */
function growthOf({ samples }: Life): Growth['last'] {
  const livedMs = samples.at(-1)?.x ?? 0;
  const settledMs = Math.min(SETTLE_MS, livedMs / 2);
  const lowest = new Map<number, Point>();
  for (const { x, y } of samples) {
    const window = Math.floor((x - settledMs) / WINDOW_MS);
    if (window >= 0 && y < (lowest.get(window)?.y ?? Infinity)) lowest.set(window, { x: x / 60_000, y });
  }
  const isJudged = livedMs - settledMs >= JUDGED_SPAN_MS;
  return { livedMs, MB: samples.at(-1)?.y ?? NaN, slope: slopeOf([...lowest.values()]), isJudged };
}
