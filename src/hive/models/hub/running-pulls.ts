import { setTimeout as wait } from 'node:timers/promises';
import { deferred, type JobEvent } from '../../../contract/index.ts';
import { narrate } from '../../../narration/index.ts';
import { PROGRESS_INTERVAL_MS } from '../limits.ts';

/**
 * The downloads of this hive, by what they fetch. A second request for the same files waits for the first one and shows its progress.
 * When the first one ends early, whatever the reason, the second continues with what has arrived.
 */
export class RunningPulls {
  readonly #running = new Map<string, Running>();

  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** Waits, with its progress, until the other download has ended. */
  async *whileOther(key: string, name: string, signal: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const running = this.#running.get(key);
    if (running === undefined) return;
    narrate('wait', `model ${name} is being downloaded already${percentOf(running.latest)}; waiting for it`);
    yield* running.follow(signal);
  }

  /** The events of a download, which others can follow until it has ended. From the call on it is running, without a gap. */
  async *share<T>(key: string, run: AsyncGenerator<JobEvent, T, void>): AsyncGenerator<JobEvent, T, void> {
    const running = new Running();
    this.#running.set(key, running);
    try {
      for (let step = await run.next(); ; step = await run.next()) {
        if (step.done === true) return step.value;
        running.latest = step.value;
        yield step.value;
      }
    } finally {
      // Where the reader has gone, the download must end before another one writes the same files.
      await run.return(undefined as T);
      this.#running.delete(key);
      running.end();
    }
  }
}

class Running {
  latest: JobEvent | undefined;
  #isOver = false;
  readonly #over = deferred<void>();

  end(): void {
    this.#isOver = true;
    this.#over.resolve();
  }

  async *follow(signal: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    let shown: JobEvent | undefined;
    while (!this.#isOver) {
      if (this.latest !== undefined && this.latest !== shown) yield this.latest;
      shown = this.latest;
      await Promise.race([this.#over.promise, wait(PROGRESS_INTERVAL_MS, undefined, { signal })]);
    }
  }
}

/** ' (41 %)' */
function percentOf(event: JobEvent | undefined): string {
  if (event?.kind !== 'progress' || event.data.total === null || event.data.total === 0) return '';
  return ` (${Math.floor((100 * event.data.done) / event.data.total)} %)`;
}
