import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { JobError, type InputOf, type JobContext, type JobEvent, type OutputOf, type Run } from '../contract/index.ts';
import { runOn, type Peer } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import { chooseDevice, listDevices } from './devices.ts';
import type { ModelStore } from './models/index.ts';
import { DEFAULT_SLOTS, type Lease, type WorkerPool, type WorkerSpec } from './workers/index.ts';

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
    const { model, path } = await modelOf(input, workers, models);
    const need = { modelPath: path, workerId: input.worker_id, device: input.device };
    // Worth a word only when something is about to be loaded.
    narrate('model_ready', `model \`${model}\` ready`, { detail: workers.isLoaded(need) });
    const spec = async (): Promise<WorkerSpec> => {
      const device = chooseDevice(input.device, await listDevices());
      return { model, modelPath: path, ...device, slots: DEFAULT_SLOTS, context: undefined };
    };
    for (let attempt = 1; ; attempt += 1) {
      const lease = await workers.lease(need, spec, context.signal);
      const said = { isToken: false };
      try {
        return yield* runOnWorker(lease, { input, context, said, parts });
      } catch (cause) {
        const isDeath = cause instanceof JobError && cause.code === 'worker_died';
        if (!isDeath || said.isToken || input.worker_id !== undefined || attempt === ATTEMPTS) throw cause;
        narrate('retry', `worker ${lease.worker.id} died before it said anything; trying another`);
      } finally {
        lease.release();
      }
    }
  };
}

interface Attempt {
  input: InputOf<'infer'>;
  context: JobContext;
  /** Set once part of the answer has gone out: it cannot be given by another worker any more. */
  said: { isToken: boolean };
  parts: InferParts;
}

async function* runOnWorker(
  { worker: { id, died } }: Lease,
  { input, context, said, parts }: Attempt,
): AsyncGenerator<JobEvent, OutputOf<'infer'>, void> {
  narrate('infer', `worker ${id} takes it`, { detail: true });
  const signal = AbortSignal.any([context.signal, died.signal]);
  try {
    return yield* noting(runOn(parts.workerPeer(id), 'infer')(input, { ...context, signal }), said);
  } catch (cause) {
    context.signal.throwIfAborted();
    if (!(cause instanceof JobError) || cause.code !== 'worker_unreachable') throw cause;
    await Promise.race([once(died.signal, 'abort'), delay(DEATH_NOTICE_MS)]);
    await parts.workers.condemn(id, cause.message);
    // A broken connection says less than why it broke.
    throw died.signal.aborted ? died.signal.reason : cause;
  }
}

/** Passes everything on, and notes whether a token was among it. */
async function* noting<T>(run: AsyncGenerator<JobEvent, T, void>, said: Attempt['said']): AsyncGenerator<JobEvent, T, void> {
  const events = run[Symbol.asyncIterator]();
  for (let step = await events.next(); ; step = await events.next()) {
    if (step.done) return step.value;
    said.isToken ||= step.value.kind === 'token';
    yield step.value;
  }
}

/** A named worker has its model loaded, whatever the request calls it. */
async function modelOf(
  input: InputOf<'infer'>,
  workers: WorkerPool,
  models: ModelStore,
): Promise<{ model: string; path: string }> {
  if (input.worker_id === undefined) {
    const { model, path } = await models.resolve(input.model);
    return { model: model.model, path };
  }
  const { spec } = workers.get(input.worker_id);
  return { model: spec.model, path: spec.modelPath };
}
