import { JobError, type Run, type WorkerOperation } from '../../contract/index.ts';
import { runOnHive } from '../forward.ts';
import { mayRunElsewhere } from './failures.ts';
import { forwardToWorker } from './forward-to-worker.ts';
import type { InferParts } from './reserve.ts';

const OPERATION = 'count_tokens' satisfies WorkerOperation;

/**
 * Counts on a worker that has the model, also when all of its slots are taken: counting needs none. Without such a worker it is placed
 * like a request, since the request whose tokens are counted will need the worker too.
 */
export function countTokens(parts: InferParts): Run<typeof OPERATION> {
  const place = forwardToWorker(OPERATION, parts);
  return async function* (input, context) {
    const worker = input.worker_id === undefined ? findWorker(parts, input) : undefined;
    if (worker !== undefined) {
      const { hive_id, worker_id } = worker;
      try {
        return yield* runOnHive(OPERATION, parts.hives.get(hive_id), parts)({ ...input, hive_id, worker_id }, context);
      } catch (cause) {
        if (!(cause instanceof JobError) || !mayRunElsewhere(cause)) throw cause;
      }
    }
    return yield* place(input, context);
  };
}

function findWorker({ view: { fleet } }: InferParts, wanted: { model: string; hive_id?: string | undefined }) {
  const isWanted = (hiveId: string) => (wanted.hive_id ?? hiveId) === hiveId && fleet.hive(hiveId)?.state === 'up';
  return [...fleet.workersOf(wanted.model)].find(
    ({ hive_id, state }) => (state === 'ready' || state === 'busy') && isWanted(hive_id),
  );
}
