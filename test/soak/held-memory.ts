import { join } from 'node:path';
import { residentBytes } from '../support/process-usage.ts';
import { daemonOf } from '../support/daemon-processes.ts';
import { Collector } from './collector.ts';
import { slopeOf, type Point, type Slope } from './slope.ts';

export const GROWTH_LIMIT_MB_PER_MINUTE = 2;
/** A process grows to its working size in its first minute. */
const SETTLE_MS = 60_000;
/** A fitted line over less than this has no meaning. */
const JUDGED_SPAN_MS = 90_000;
const INTERVAL_MS = 5_000;
const FIND_DEADLINE_MS = 30_000;

export type Judged = 'queen' | 'hive';

interface Sample {
  atMs: number;
  residentMB: number;
  heapMB: number;
}

export interface Growth {
  daemon: Judged;
  samples: number;
  last: Sample;
  /** In MB a minute. Undefined if there are too few samples for a line. */
  resident: Slope | undefined;
  heap: Slope | undefined;
  isTooMuch: boolean;
}

/**
 * Memory that one process holds, measured right after a full garbage collection: before that, a heap grows for minutes without any of it
 * being held.
 */
export class HeldMemory implements Disposable {
  readonly #daemon: Judged;
  readonly #pid: number;
  readonly #collector: Collector;
  readonly #samples: Sample[] = [];

  private constructor(daemon: Judged, pid: number, collector: Collector) {
    this.#daemon = daemon;
    this.#pid = pid;
    this.#collector = collector;
  }

  static async watch(home: string, daemon: Judged): Promise<HeldMemory> {
    const pid = await daemonOf(home, daemon, FIND_DEADLINE_MS);
    return new HeldMemory(daemon, pid, await Collector.open(pid, join(home, 'state', 'logs', `${daemon}.log`)));
  }

  [Symbol.dispose](): void {
    this.#collector[Symbol.dispose]();
  }

  /** Until the signal. */
  async sample(signal: AbortSignal): Promise<void> {
    const from = performance.now();
    while (!signal.aborted) {
      const heapMB = (await this.#collector.heldBytes()) / 1e6;
      this.#samples.push({ atMs: performance.now() - from, residentMB: residentBytes(this.#pid) / 1e6, heapMB });
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  /** Without the first minute, or in a short soak without the first half. It is too much if all of its confidence interval is over the limit. */
  growth(): Growth {
    const last = this.#samples.at(-1) ?? { atMs: 0, residentMB: NaN, heapMB: NaN };
    const settledMs = Math.min(SETTLE_MS, last.atMs / 2);
    const settled = this.#samples.filter(({ atMs }) => atMs >= settledMs);
    const line = (of: (sample: Sample) => number) => slopeOf(settled.map((one): Point => ({ x: one.atMs / 60_000, y: of(one) })));
    const [resident, heap] = [line(({ residentMB }) => residentMB), line(({ heapMB }) => heapMB)];
    const isJudged = last.atMs - settledMs >= JUDGED_SPAN_MS;
    const isTooMuch = isJudged && [resident, heap].some((slope) => slope !== undefined && isOver(slope));
    return { daemon: this.#daemon, samples: settled.length, last, resident, heap, isTooMuch };
  }
}

function isOver({ each, give }: Slope): boolean {
  return each - give > GROWTH_LIMIT_MB_PER_MINUTE;
}
