import { JobError, workerArguments, type ToolForm } from '../../contract/index.ts';
import {
  readPidfile,
  requireHome,
  signalThatEndedStart,
  startDaemon,
  type Ending,
  type HomePaths,
  type ProcessIdentity,
} from '../../daemon/index.ts';
import { narrate, reportProgress } from '../../narration/index.ts';
import { engineEnvironment, visibleDevice } from '../devices/index.ts';
import { modelBytes } from '../models/index.ts';
import type { WorkerProcess } from './worker-process.ts';
import { flagsOf, loadedFacts } from './worker-spec.ts';

/** The deadline of a load, plus a second for every LOAD_BYTES_PER_S: a slow disk reads about 50 MB/s. */
const LOAD_DEADLINE_MS = 30_000;
const LOAD_BYTES_PER_S = 50_000_000;

export interface StartOptions {
  hiveId: string;
  hiveUrl: string;
  paths: HomePaths;
  signal: AbortSignal;
}

export interface StartedWorker {
  port: number;
  identity: ProcessIdentity;
  contextSize: number | undefined;
  toolForm: ToolForm | undefined;
  /** Resolves when the process ends. */
  ended: Promise<Ending>;
}

/** Signals from outside: from a person, or from a kernel that is short of memory. Others are a fault of the model, the engine or the driver. */
const FROM_OUTSIDE: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']);

/**
 * A signal from outside that ends a load is no fault of the model: it is loaded again, and requests that wait for the worker keep
 * waiting. A process that aborts or crashes would do so again.
 * @param mayTryAgain called before each further try
 * @throws JobError as startWorker; worker_start_failed where signals from outside ended every try
 */
export async function startAgainWhenKilled(
  worker: WorkerProcess,
  options: StartOptions,
  mayTryAgain: () => boolean,
): Promise<StartedWorker> {
  for (;;) {
    try {
      return await startWorker(worker, options);
    } catch (cause) {
      const by = signalThatEndedStart(cause);
      if (by === undefined || !FROM_OUTSIDE.has(by) || options.signal.aborted) throw cause;
      if (!mayTryAgain()) {
        const sentence = `Worker '${worker.id}' was killed by ${by} each time it was loading. Is there enough memory for its model?`;
        throw new JobError('worker_start_failed', sentence, { cause });
      }
      narrate('worker_spawn', `worker ${worker.id} was killed by ${by} while it was loading; starting it again`);
    }
  }
}

/** Starts the process and waits until it has loaded its model. Its steps are narrated in the current job. */
async function startWorker({ id, spec }: WorkerProcess, options: StartOptions): Promise<StartedWorker> {
  const { hiveId, hiveUrl, paths, signal } = options;
  await requireHome(paths.run);
  try {
    const started = await startDaemon({
      name: id,
      args: ['worker', 'run', ...workerArguments(flagsOf(spec, { id, hiveId, hiveUrl }))],
      logFile: paths.logFile(id),
      // The process sees its own device only.
      env: { ...visibleDevice(spec.worker, spec.device), ...engineEnvironment() },
      readyWithinMs: await loadDeadlineMs(spec.modelPath),
      onStep: (step) => {
        if (step.kind === 'progress') reportProgress(step.data);
        else narrate(step.data.action, step.data.human, { detail: step.data.detail ?? false });
      },
      signal,
    });
    const read = await readPidfile(paths.run, id);
    if (read.kind !== 'found') throw new JobError('worker_start_failed', `Worker '${id}' exited as soon as it was ready`);
    const { contextSize, toolForm } = loadedFacts.safeParse(started.extra).data ?? {};
    return {
      port: started.port,
      identity: read.pidfile,
      contextSize,
      toolForm,
      ended: started.ended,
    };
  } catch (cause) {
    if (cause instanceof JobError && cause.code === 'daemon_start_failed')
      throw new JobError('worker_start_failed', cause.message, { cause: cause.cause });
    throw cause;
  }
}

async function loadDeadlineMs(modelPath: string): Promise<number> {
  return LOAD_DEADLINE_MS + Math.round(((await modelBytes(modelPath)) / LOAD_BYTES_PER_S) * 1000);
}
