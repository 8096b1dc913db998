import {
  DEFAULT_ENGINE,
  DEFAULT_SLOTS,
  LOG_LINE_LIMIT_CHARS,
  memoryNeed,
  requireContext,
  type Handlers,
  type Run,
} from '../contract/index.ts';
import { followLog, tailLog } from '../daemon/index.ts';
import { requireDevice } from './devices/index.ts';
import { narrate } from '../narration/index.ts';
import type { ModelStore } from './models/index.ts';
import { describeWorker, type WorkerPool } from './workers/index.ts';

/** A followed log ends after this many lines: each is kept on disk, as an event of a job. */
const FOLLOWED_LINES_LIMIT = 100_000;

export interface WorkerParts {
  hiveId: string;
  workers: WorkerPool;
  models: ModelStore;
}

export function workerHandlers({ hiveId, workers, models }: WorkerParts) {
  const worker_spawn: Run<'worker_spawn'> = async function* (input, { signal }) {
    const { model, path } = await models.resolve(input.model);
    const { slots = DEFAULT_SLOTS, context, pin, worker: kind } = input;
    // Before a process is started for it.
    if (model.memory !== undefined && context !== undefined) requireContext(context, model.memory.context_length);
    const need = model.memory && memoryNeed(model.memory, { slots, context, worker: kind });
    const spawned = await workers.spawn((devices) => {
      const device = requireDevice(input, devices);
      return { model: model.model, modelPath: path, engine: DEFAULT_ENGINE, ...device, slots, context, pinned: pin, need };
    }, signal);
    return describeWorker(spawned, hiveId);
  };

  const worker_list: Run<'worker_list'> = async function* () {
    return { workers: workers.list().map((worker) => describeWorker(worker, hiveId)) };
  };

  const worker_get: Run<'worker_get'> = async function* ({ worker_id }) {
    return describeWorker(workers.get(worker_id), hiveId);
  };

  const worker_delete: Run<'worker_delete'> = async function* ({ worker_id }) {
    await workers.remove(worker_id);
    return { worker_id };
  };

  const worker_restart: Run<'worker_restart'> = async function* ({ worker_id }, { signal }) {
    return describeWorker(await workers.restart(worker_id, signal), hiveId);
  };

  const worker_logs: Run<'worker_logs'> = async function* ({ worker_id, lines, follow }, { signal }) {
    const file = workers.logFile(worker_id);
    const followed = { signal, lines, isOver: () => !workers.isRunning(worker_id) };
    let sent = 0;
    for await (const line of follow ? followLog(file, followed) : await tailLog(file, lines)) {
      yield { kind: 'log', data: { line: line.slice(0, LOG_LINE_LIMIT_CHARS) } };
      sent += 1;
      if (sent === FOLLOWED_LINES_LIMIT) {
        const more = `to follow it further: rbee worker logs ${worker_id} --follow`;
        narrate('worker_logs', `${sent} lines of the log of ${worker_id} were sent, the limit of one command; ${more}`);
        break;
      }
    }
    signal.throwIfAborted();
    return { worker_id, lines: sent };
  };

  return { worker_spawn, worker_list, worker_get, worker_delete, worker_logs, worker_restart } satisfies Handlers;
}
