import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  contextRefusal,
  DEFAULT_ENGINE,
  isWorkerOperation,
  JobError,
  KILLS_LIMIT,
  memoryNeed,
  requestKilledWorker,
  shapeFor,
  WORKER_KILLED,
  type InputOf,
  type JobContext,
  type JobEvent,
  type ModelMemory,
  type OutputOf,
  type Run,
  type WorkerOperation,
} from '../contract/index.ts';
import { isSilence, resumeOn, runOn, type Peer, type Resume, type RunOnOptions } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import { chooseDevice } from './devices/index.ts';
import type { ModelStore } from './models/index.ts';
import type { Lease, MakeSpec, WorkerPool, WorkerProcess } from './workers/index.ts';

/** Workers that one request is given to in all, as long as each exits before the first token. */
const WORKER_TRIES_LIMIT = 3;
/** A connection may break briefly before the exit of its process is noticed. */
const EXIT_NOTICE_MS = 200;

export interface HiveInferParts {
  workers: WorkerPool;
  models: ModelStore;
  workerPeer: (id: string) => Peer;
}

/** Takes a free slot on a worker that has the model, or spawns one, and relays its answer. */
export function onWorkers<K extends WorkerOperation>(operation: K, parts: HiveInferParts): Run<K> {
  const run = runOnWorker(operation, parts);
  return (input, context) => run(input, context) as ReturnType<Run<K>>;
}

function runOnWorker(operation: WorkerOperation, parts: HiveInferParts): Run<WorkerOperation> {
  const { workers, models } = parts;
  return async function* (input, context) {
    const { model, path, memory } = await modelOf(input, workers, models);
    const need = { modelPath: path, workerId: input.worker_id, device: input.device, context: input.context };
    const limit = memory?.context_length ?? Infinity;
    if (input.context !== undefined && input.context > limit)
      throw contextRefusal(input.context, { context: limit, what: `model '${model}'` });
    // Of interest only when the model is about to be loaded.
    narrate('model_ready', `model \`${model}\` ready`, { detail: workers.isLoaded(need) });
    const start: Start = (peer, options, watched) => runOn(peer, operation, options)(input, watched);
    // Counting takes no slot: it would have to wait for an answer to end, and computes nothing.
    const counting = operation === 'count_tokens' ? workers.findReady(need) : undefined;
    if (counting !== undefined) return yield* untilExit(counting, start, { context, parts });
    const makeSpec: MakeSpec = (devices) => {
      const device = chooseDevice(input.device, devices);
      const shape = { ...device, ...shapeFor(input) };
      return {
        model,
        modelPath: path,
        engine: DEFAULT_ENGINE,
        ...shape,
        pinned: false,
        need: memory && memoryNeed(memory, shape),
      };
    };
    for (let tries = 1; ; tries += 1) {
      const isAlone = context.kills() > 0;
      const lease = await workers.lease({ need: { ...need, isAlone }, makeSpec, signal: context.signal });
      const { id } = lease.worker;
      workers.keepAlive(lease.worker, input.keep_alive);
      narrate(operation, `running on worker ${id}`, { detail: true });
      try {
        return yield* onWorker(lease, start, { context, parts });
      } catch (cause) {
        const isDeath = cause instanceof JobError && cause.code === 'worker_died';
        if (!isDeath || context.hasAnswered() || input.worker_id !== undefined || tries === WORKER_TRIES_LIMIT) throw cause;
        narrate('retry', `worker ${id} exited before the first token; trying again${context.kills() > 0 ? ', alone' : ''}`);
      } finally {
        lease.release();
      }
    }
  };
}

/** Resumes a request that the previous process of this hive was relaying from a worker, if the worker still runs. */
export function resumeOnWorker(parts: HiveInferParts): Resume {
  return async function* (left, context) {
    if (left.kind === 'waiting') throw new JobError('interrupted', 'The hive exited while this request was waiting');
    const { operation, below, after } = left;
    if (!isWorkerOperation(operation)) throw new JobError('interrupted', `The hive exited while it ran ${operation}`);
    const lease = parts.workers.leaseAdopted(below.name, { isAlone: context.kills() > 0 });
    if (lease === undefined) {
      const gone = `Worker '${below.name}' exited while its hive was not running`;
      if (parts.workers.hasDiedAway(below.name)) countKill(below.name, new JobError('worker_died', gone), context);
      // The hop above may send an interrupted request again: nothing of the answer is out.
      throw new JobError(context.hasAnswered() ? 'worker_died' : 'interrupted', gone);
    }
    narrate('resume', `the hive was started again; resuming on worker ${below.name}`);
    const start: Start = (peer, options, watched) => resumeOn(peer, operation, options)({ jobId: below.job_id, after }, watched);
    try {
      return yield* onWorker(lease, start, { context, parts });
    } finally {
      lease.release();
    }
  };
}

type Answer = AsyncGenerator<JobEvent, OutputOf<WorkerOperation>, void>;
type Start = (peer: Peer, options: Pick<RunOnOptions, 'onReconnect'>, context: JobContext) => Answer;

interface Relay {
  context: JobContext;
  parts: HiveInferParts;
}

/** Relays the answer, and counts the worker's exit against the request if the worker was computing it. */
async function* onWorker({ worker }: Lease, start: Start, { context, parts }: Relay): Answer {
  const computing = watchComputing(context);
  try {
    return yield* untilExit(worker, start, { context: computing.context, parts });
  } catch (cause) {
    if (computing.isComputed() && worker.hasFailed) countKill(worker.id, cause, context);
    throw cause;
  }
}

/** Ends with `worker_died`, and how the worker exited, as soon as the worker has exited. */
async function* untilExit(worker: WorkerProcess, start: Start, { context, parts }: Relay): Answer {
  const { workers, workerPeer } = parts;
  const { id, died } = worker;
  const options: Pick<RunOnOptions, 'onReconnect'> = {
    onReconnect: ({ reason, cause }) => {
      // A frozen worker is as useless as an exited one, and keeps its memory. Its requests end by `died`.
      if (isSilence(cause)) void workers.kill(worker, reason);
    },
  };
  // Not AbortSignal.any: each request would leave an entry on the worker's signal.
  const over = new AbortController();
  const end = () => over.abort(context.signal.aborted ? context.signal.reason : died.signal.reason);
  for (const signal of [context.signal, died.signal]) signal.addEventListener('abort', end);
  if (context.signal.aborted || died.signal.aborted) end();
  try {
    return yield* start(workerPeer(id), options, { ...context, signal: over.signal });
  } catch (cause) {
    context.signal.throwIfAborted();
    if (!(cause instanceof JobError) || cause.code !== 'worker_unreachable') throw cause;
    if (!died.signal.aborted) await Promise.race([once(died.signal, 'abort'), delay(EXIT_NOTICE_MS)]);
    await workers.kill(worker, cause.message);
    // How the worker exited says more than the broken connection.
    throw died.signal.aborted ? died.signal.reason : cause;
  } finally {
    for (const signal of [context.signal, died.signal]) signal.removeEventListener('abort', end);
  }
}

/**
 * Counts an exit of a worker against the request; the hops above count it too, by this narration.
 * @throws JobError request_killed_worker, when it was not the first
 */
function countKill(workerId: string, cause: unknown, context: JobContext): void {
  if (!(cause instanceof JobError) || cause.code !== 'worker_died') return;
  context.killedWorker();
  const exit = `worker ${workerId} exited while it computed the request`;
  if (context.kills() >= KILLS_LIMIT) {
    narrate(WORKER_KILLED, `${exit} and no other request; it is not tried again`);
    throw requestKilledWorker(cause.message, cause);
  }
  narrate(WORKER_KILLED, `${exit}; the next try is the last, with no other request on the worker`, { detail: true });
}

/** The request counts as computed until the worker reports that it is queued: a crash at once leaves no time for a report. */
function watchComputing(context: JobContext): { context: JobContext; isComputed: () => boolean } {
  let isComputed = true;
  const emit = (event: JobEvent): void => {
    if (event.kind === 'narration' && event.data.actor === 'llm-worker-rbee') isComputed = event.data.action !== 'queue';
    context.emit(event);
  };
  return { context: { ...context, emit }, isComputed: () => isComputed };
}

/** A request that names a worker gets the model of the worker, whatever model it names. */
async function modelOf(
  input: InputOf<WorkerOperation>,
  workers: WorkerPool,
  models: ModelStore,
): Promise<{ model: string; path: string; memory?: ModelMemory | undefined }> {
  if (input.worker_id === undefined) {
    const { model, path } = await models.resolve(input.model);
    return { model: model.model, path, memory: model.memory };
  }
  const { spec } = workers.get(input.worker_id);
  return { model: spec.model, path: spec.modelPath };
}
