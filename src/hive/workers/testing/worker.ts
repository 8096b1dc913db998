import { newWorker, type WorkerProcess } from '../worker-process.ts';
import type { WorkerSpec } from '../worker-spec.ts';

const states = {
  ready: { kind: 'ready', port: 1 },
  loading: { kind: 'loading' },
  stopping: { kind: 'stopping', port: 1 },
  exited: { kind: 'exited', lastWords: undefined },
} as const;

type Now = Pick<WorkerProcess, 'inFlight' | 'awaited' | 'usedMs'>;

/** A ready, idle worker of two slots, except for what is given. */
export function worker(
  id: string,
  given: Partial<WorkerSpec & Now> & { kind?: WorkerProcess['state']['kind'] } = {},
): WorkerProcess {
  const { kind = 'ready', inFlight = 0, awaited = 0, usedMs = 0, ...spec } = given;
  const made = newWorker(id, {
    model: 'tiny',
    modelPath: '/tiny.gguf',
    engine: 'embedded',
    worker: 'cpu',
    device: 0,
    slots: 2,
    context: undefined,
    pinned: false,
    need: undefined,
    ...spec,
  });
  return { ...made, startedAt: '', state: states[kind], inFlight, awaited, usedMs };
}
