import { residentBytes } from '../support/process-usage.ts';
import { daemonsOf, type Daemon } from '../support/daemon-processes.ts';

const SAMPLE_MS = 500;
const WATCHED: Daemon[] = ['queen', 'hive', 'worker'];

/** Memory of the processes of one kind. */
export interface Lives {
  daemon: Daemon;
  pids: Set<number>;
  mostMB: number;
  nowMB: number;
}

/** Resident memory of all daemons, however often they are replaced. */
export class MemoryWatch implements Disposable {
  readonly lives: Lives[] = WATCHED.map((daemon) => ({ daemon, pids: new Set(), mostMB: 0, nowMB: NaN }));
  readonly #home: string;
  readonly #timer: NodeJS.Timeout;

  constructor(home: string) {
    this.#home = home;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    for (const lives of this.lives) {
      for (const pid of daemonsOf(this.#home, lives.daemon)) {
        const MB = megabytes(pid);
        if (Number.isNaN(MB)) continue;
        lives.pids.add(pid);
        lives.nowMB = MB;
        lives.mostMB = Math.max(lives.mostMB, MB);
      }
    }
  }
}

function megabytes(pid: number): number {
  try {
    return residentBytes(pid) / 1e6;
  } catch {
    return NaN; // It has just ended.
  }
}
