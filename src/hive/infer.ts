import { JobError, workerKinds, type Device, type InputOf, type Run, type WorkerKind } from '../contract/index.ts';
import { runOn, type Peer } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import { listDevices } from './devices.ts';
import type { ModelStore } from './models/index.ts';
import { DEFAULT_SLOTS, type WorkerPool, type WorkerSpec } from './workers/index.ts';

export interface InferParts {
  workers: WorkerPool;
  models: ModelStore;
  workerPeer: (id: string) => Peer;
}

/** Finds a worker with the model loaded and a free slot, or makes one, and relays its answer. */
export function createInfer({ workers, models, workerPeer }: InferParts): Run<'infer'> {
  return async function* (input, context) {
    const { model, path } = await modelOf(input, workers, models);
    const need = { modelPath: path, workerId: input.worker_id, device: input.device };
    // Worth a word only when something is about to be loaded.
    narrate('model_ready', `model \`${model}\` ready`, { detail: workers.isLoaded(need) });
    const spec = async (): Promise<WorkerSpec> => {
      const device = chooseDevice(input.device, await listDevices());
      return { model, modelPath: path, ...device, slots: DEFAULT_SLOTS, context: undefined };
    };
    const lease = await workers.lease(need, spec, context.signal);
    const { id, died } = lease.worker;
    try {
      narrate('infer', `worker ${id} takes it`, { detail: true });
      const signal = AbortSignal.any([context.signal, died.signal]);
      return yield* runOn(workerPeer(id), 'infer')(input, { ...context, signal });
    } catch (cause) {
      // A dead worker's broken connection says less than why it died.
      throw died.signal.aborted ? died.signal.reason : cause;
    } finally {
      lease.release();
    }
  };
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

/**
 * 'cuda:1' or 'cpu'; when left out, the GPU with the most free memory, or else the CPU.
 * @throws JobError invalid_input, device_not_found
 */
export function chooseDevice(wanted: string | undefined, devices: readonly Device[]): { worker: WorkerKind; device: number } {
  if (wanted === undefined) {
    const [best] = devices.filter(({ worker }) => worker !== 'cpu').toSorted((a, b) => b.memory_free_bytes - a.memory_free_bytes);
    return best === undefined ? { worker: 'cpu', device: 0 } : { worker: best.worker, device: best.device };
  }
  const [kind = '', number = '0'] = wanted.split(':');
  const worker = workerKinds.find((known) => known === kind);
  if (worker === undefined || !/^\d{1,3}$/.test(number)) {
    throw new JobError(
      'invalid_input',
      `device: '${wanted}' is not a device; use for example ${workerKinds.join(', ')} or cuda:1`,
    );
  }
  return requireDevice({ worker, device: Number(number) }, devices);
}

/** @throws JobError device_not_found */
export function requireDevice(
  wanted: { worker: WorkerKind; device: number },
  devices: readonly Device[],
): { worker: WorkerKind; device: number } {
  const isThere = devices.some(({ worker, device }) => worker === wanted.worker && device === wanted.device);
  if (isThere) return { worker: wanted.worker, device: wanted.device };
  const there = devices.map(({ worker, device }) => `${worker}:${device}`).join(', ');
  throw new JobError('device_not_found', `No device ${wanted.worker}:${wanted.device} here; there is ${there}`);
}
