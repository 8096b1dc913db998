import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DEFAULT_ENGINE,
  DEFAULT_SLOTS,
  JobError,
  KILLS_LIMIT,
  memoryNeed,
  requestKilledWorker,
  WORKER_KILLED,
  type InputOf,
  type JobContext,
  type JobEvent,
  type ModelMemory,
  type OutputOf,
  type Run,
} from '../contract/index.ts';
import { isSilence, resumeOn, runOn, type Peer, type Resume, type RunOnOptions } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import { chooseDevice } from './devices/index.ts';
import type { ModelStore } from './models/index.ts';
import { type Lease, type MakeSpec, type WorkerPool } from './workers/index.ts';

/** A request whose worker dies before it has said anything is given to another one, but not for ever. */
const ATTEMPTS = 3;
/** A connection may break a moment before the end of its process is told. */
const DEATH_NOTICE_MS = 200;

export interface InferParts {
  workers: WorkerPool;
  models: ModelStore;
  workerPeer: (id: string) => Peer;
}

/** Finds a worker with the model loaded and a free slot, or makes one, and relays its answer. */
export function createInfer(parts: InferParts): Run<'infer'> {
  const { workers, models } = parts;
  return async function* (input, context) {
    const { model, path, memory } = await modelOf(input, workers, models);
    const need = { modelPath: path, workerId: input.worker_id, device: input.device };
    // Worth a word only when something is about to be loaded.
    narrate('model_ready', `model \`${model}\` ready`, { detail: workers.isLoaded(need) });
    const makeSpec: MakeSpec = (devices) => {
      const device = chooseDevice(input.device, devices);
      const shape = { ...device, slots: DEFAULT_SLOTS, context: undefined };
      return {
        model,
        modelPath: path,
        engine: DEFAULT_ENGINE,
        ...shape,
        pinned: false,
        need: memory && memoryNeed(memory, shape),
      };
    };
    for (let attempt = 1; ; attempt += 1) {
      const isAlone = context.kills() > 0;
      const lease = await workers.lease({ need: { ...need, isAlone }, makeSpec, signal: context.signal });
      const { id } = lease.worker;
      narrate('infer', `worker ${id} takes it`, { detail: true });
      const said: Said = { isToken: false, isComputed: true };
      const start: Start = (peer, options, watched) => runOn(peer, 'infer', options)(input, watched);
      try {
        return yield* onWorker(lease, start, { context: noting(context, said), parts });
      } catch (cause) {
        if (said.isComputed && lease.worker.hasFailed) countKill(id, cause, context);
        const isDeath = cause instanceof JobError && cause.code === 'worker_died';
        if (!isDeath || said.isToken || input.worker_id !== undefined || attempt === ATTEMPTS) throw cause;
        narrate('retry', `worker ${id} died before it said anything; trying again${context.kills() > 0 ? ', alone' : ''}`);
      } finally {
        lease.release();
      }
    }
  };
}

/** Goes on with what this hive's former process was relaying from a worker that has outlived it. */
export function resumeInfer(parts: InferParts): Resume {
  return async function* (left, context) {
    if (left.kind === 'waiting') throw new JobError('interrupted', 'The hive ended while this request was waiting');
    const { below, after, hasToken } = left;
    const said: Said = { isToken: hasToken, isComputed: true };
    const lease = parts.workers.leaseAdopted(below.name, { isAlone: context.kills() > 0 });
    if (lease === undefined) {
      const gone = `Worker '${below.name}' has ended while its hive was away`;
      if (parts.workers.hasDiedAway(below.name)) countKill(below.name, new JobError('worker_died', gone), context);
      // Whoever still has the request may send it again, as long as nothing of the answer has gone out.
      throw new JobError(hasToken ? 'worker_died' : 'interrupted', gone);
    }
    narrate('resume', `the hive was started again; going on with worker ${below.name}`);
    const start: Start = (peer, options, watched) => resumeOn(peer, 'infer', options)({ jobId: below.job_id, after }, watched);
    try {
      return yield* onWorker(lease, start, { context: noting(context, said), parts });
    } catch (cause) {
      if (said.isComputed && lease.worker.hasFailed) countKill(below.name, cause, context);
      throw cause;
    } finally {
      lease.release();
    }
  };
}

type Answer = AsyncGenerator<JobEvent, OutputOf<'infer'>, void>;
type Start = (peer: Peer, options: Pick<RunOnOptions, 'onReconnect'>, context: JobContext) => Answer;

async function* onWorker(
  { worker }: Lease,
  start: Start,
  { context, parts }: { context: JobContext; parts: InferParts },
): Answer {
  const { workers, workerPeer } = parts;
  const { id, died } = worker;
  const options: Pick<RunOnOptions, 'onReconnect'> = {
    onReconnect: ({ reason, cause }) => {
      // A frozen process is no better than a dead one, and holds its memory. Its jobs are told by `died`.
      if (isSilence(cause)) void workers.kill(worker, reason);
    },
  };
  // Not AbortSignal.any: that leaves something behind on the worker's signal for every request.
  const over = new AbortController();
  const end = () => over.abort(context.signal.aborted ? context.signal.reason : died.signal.reason);
  for (const signal of [context.signal, died.signal]) signal.addEventListener('abort', end);
  if (context.signal.aborted || died.signal.aborted) end();
  try {
    return yield* start(workerPeer(id), options, { ...context, signal: over.signal });
  } catch (cause) {
    context.signal.throwIfAborted();
    if (!(cause instanceof JobError) || cause.code !== 'worker_unreachable') throw cause;
    if (!died.signal.aborted) await Promise.race([once(died.signal, 'abort'), delay(DEATH_NOTICE_MS)]);
    await workers.kill(worker, cause.message);
    // A broken connection says less than why it broke.
    throw died.signal.aborted ? died.signal.reason : cause;
  } finally {
    for (const signal of [context.signal, died.signal]) signal.removeEventListener('abort', end);
  }
}

interface Said {
  /** Then no other worker can give the answer any more. */
  isToken: boolean;
  /** False while it waits in the worker. Until the worker says so, nobody knows: what ends a worker at once leaves it no word. */
  isComputed: boolean;
}

/** The hops above count with this one, by its narration. @throws JobError request_killed_worker, when it was not the first */
function countKill(workerId: string, cause: unknown, context: JobContext): void {
  if (!(cause instanceof JobError) || cause.code !== 'worker_died') return;
  context.killedWorker();
  const what = `worker ${workerId} ended while it computed the request`;
  if (context.kills() >= KILLS_LIMIT) {
    narrate(WORKER_KILLED, `${what}, with nothing else to do; it is not tried again`);
    throw requestKilledWorker(cause.message, cause);
  }
  narrate(WORKER_KILLED, `${what}; if it is tried again, then once and alone`, { detail: true });
}

/** Passes everything on, and notes what there is to know of it. */
function noting(context: JobContext, said: Said): JobContext {
  return {
    ...context,
    emit: (event) => {
      said.isToken ||= event.kind === 'token';
      if (event.kind === 'narration' && event.data.actor === 'llm-worker-rbee') said.isComputed = event.data.action !== 'queue';
      context.emit(event);
    },
  };
}

/** A named worker has its model loaded, whatever the request calls it. */
async function modelOf(
  input: InputOf<'infer'>,
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
