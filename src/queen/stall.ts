import { JobError, operations, type JobContext, type OperationName, type OperationSpec } from '../contract/index.ts';
import type { FleetView } from './presence/index.ts';

/** How long a job may emit nothing while no worker of its hive loads, computes or stops. */
const IDLE_MS = 30_000;
/** The same while workers are busy and none makes a step: one step of a large model on an old CPU takes minutes. */
const STUCK_MS = 10 * 60_000;
const CHECK_EVERY_MS = 2_000;

/** These work on a disk: no worker reports their progress. */
const ON_DISK: ReadonlySet<OperationName> = new Set<OperationName>(['model_download', 'model_delete']);

export interface StallOptions {
  hiveId: string;
  operation: OperationName;
  view: Pick<FleetView, 'watch'>;
}

interface StallWatch {
  context: JobContext;
  begin: () => void;
  end: () => void;
}

/**
 * Fails a job that its hive has accepted and does nothing for, although it answers every ping. Every event of the job counts as progress, and
 * so does every step that a worker of the hive reports: a long prompt may be computed for as long as it takes.
 * @returns the context to run the job in; `begin` starts the watch before the hive has accepted the job, `end` ends it
 */
export function failWhenStalled(context: JobContext, options: StallOptions): StallWatch {
  const stalled = new AbortController();
  const detector = new StallDetector(options);
  let timer: NodeJS.Timeout | undefined;
  const check = () => {
    const failure = detector.failureAt(performance.now());
    if (failure !== undefined) stalled.abort(failure);
  };
  const begin = () => {
    detector.progressAt(performance.now());
    timer ??= setInterval(check, CHECK_EVERY_MS).unref();
  };
  return {
    context: {
      ...context,
      signal: AbortSignal.any([context.signal, stalled.signal]),
      emit: (event) => {
        if (timer !== undefined) detector.progressAt(performance.now());
        context.emit(event);
      },
      setDownstream: (below) => {
        begin();
        context.setDownstream(below);
      },
    },
    begin,
    end: () => clearInterval(timer),
  };
}

/** How long nothing has been done for a job, as far as its hive reports. One check costs the same for any number of workers. */
export class StallDetector {
  readonly #options: StallOptions;
  #progressAt = 0;
  #busyAt = 0;
  #progress: number | undefined;

  constructor(options: StallOptions) {
    this.#options = options;
  }

  /** The job has emitted an event. */
  progressAt(now: number): void {
    this.#progressAt = this.#busyAt = now;
  }

  /** @returns the error to fail the job with, if it is stalled */
  failureAt(now: number): JobError | undefined {
    const { hiveId, operation, view } = this.#options;
    const watch = view.watch(hiveId);
    const { endsWithoutReader }: OperationSpec = operations[operation];
    // A log may have no new line for days. A hive that reports nothing is handled as unreachable.
    if (watch?.state.kind !== 'up' || endsWithoutReader) {
      this.progressAt(now);
      return undefined;
    }
    if (watch.progress !== this.#progress) this.#progressAt = now;
    this.#progress = watch.progress;
    if (watch.isBusy || ON_DISK.has(operation)) this.#busyAt = now;
    const what = `Hive '${hiveId}' accepted the request and answers pings, but`;
    if (now - this.#busyAt >= IDLE_MS)
      return new JobError('deadline_exceeded', `${what} none of its workers has been busy for ${IDLE_MS / 1_000} s. ${NEXT}`);
    if (now - this.#progressAt >= STUCK_MS)
      return new JobError('deadline_exceeded', `${what} its workers have made no step for ${STUCK_MS / 60_000} min. ${NEXT}`);
    return undefined;
  }
}

const NEXT = 'Check rbee status and rbee worker list, and restart the stalled worker or hive.';
