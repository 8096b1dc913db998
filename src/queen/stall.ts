import { JobError, operations, type JobContext, type OperationName, type OperationSpec } from '../contract/index.ts';
import type { FleetView } from './presence/index.ts';

/** How long a job may report nothing while its hive reports no worker that has anything to do. */
const IDLE_MS = 30_000;
/** The same while its hive reports workers that load or compute, and none of them makes a step: a step of a large model on an old CPU takes minutes. */
const STUCK_MS = 10 * 60_000;
const LOOK_MS = 2_000;

/** Looks at a hive's machine or disk, where no worker can show that it is done with care. */
const ON_DISK: ReadonlySet<OperationName> = new Set<OperationName>(['model_download', 'model_delete']);

export interface Stalling {
  hiveId: string;
  operation: OperationName;
  view: Pick<FleetView, 'watch'>;
}

interface Going {
  context: JobContext;
  begin: () => void;
  end: () => void;
}

/**
 * Gives a job up that its hive has taken and does nothing for, although it answers every ping. An event of the job is a sign that it goes on,
 * and so is every step that a worker of the hive reports: a prompt may be read for as long as it takes.
 * @returns the context to run it in, and what begins the watch, if it drives no job first, and ends it
 */
export function givenUpWhenStalled(context: JobContext, stalling: Stalling): Going {
  const stalled = new AbortController();
  const quiet = new Quiet(stalling);
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const failure = quiet.failureNow(performance.now());
    if (failure !== undefined) stalled.abort(failure);
  };
  const begin = () => {
    quiet.hear(performance.now());
    timer ??= setInterval(look, LOOK_MS).unref();
  };
  return {
    context: {
      ...context,
      signal: AbortSignal.any([context.signal, stalled.signal]),
      emit: (event) => {
        if (timer !== undefined) quiet.hear(performance.now());
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

/** How long nothing has been done for a job, as far as its hive reports. */
export class Quiet {
  readonly #stalling: Stalling;
  #sinceMs = 0;
  /** Since when no worker has had anything to do. */
  #idleSinceMs = 0;
  #steps = '';

  constructor(stalling: Stalling) {
    this.#stalling = stalling;
  }

  /** The job has reported something. */
  hear(now: number): void {
    this.#sinceMs = this.#idleSinceMs = now;
  }

  /** @returns what to fail the job with, if it is to be given up */
  failureNow(now: number): JobError | undefined {
    const { hiveId, operation, view } = this.#stalling;
    const watch = view.watch(hiveId);
    const { endsWithoutReader }: OperationSpec = operations[operation];
    // A log may have no new line for days. Without its reports nobody knows; a hive that is lost is given up by others.
    if (watch?.state.kind !== 'up' || endsWithoutReader) {
      this.hear(now);
      return undefined;
    }
    const workers = [...watch.workers];
    const steps = workers.map(({ worker_id, state, steps: made }) => `${worker_id} ${state} ${made}`).join();
    if (steps !== this.#steps) this.#sinceMs = now;
    this.#steps = steps;
    const isBusy = workers.some(({ state, slots_used }) => state === 'loading' || state === 'stopping' || slots_used > 0);
    if (isBusy || ON_DISK.has(operation)) this.#idleSinceMs = now;
    const what = `Hive '${hiveId}' took the request and answers, but`;
    if (now - this.#idleSinceMs >= IDLE_MS)
      return new JobError(
        'deadline_exceeded',
        `${what} no worker there has had anything to do for ${IDLE_MS / 1_000} s. ${NEXT}`,
      );
    if (now - this.#sinceMs >= STUCK_MS)
      return new JobError('deadline_exceeded', `${what} nothing there has made a step for ${STUCK_MS / 60_000} min. ${NEXT}`);
    return undefined;
  }
}

const NEXT = 'Look at it: rbee status, rbee worker list; then restart what hangs.';
