import { JobError, type Hive, type JobContext, type OutputOf, type Run } from '../contract/index.ts';
import { runOn, type Peer } from '../jobs/index.ts';
import { hiveHealth } from './hive-handlers.ts';
import type { HiveCatalog } from './hive-catalog.ts';
import type { LocalHive } from './local-hive.ts';
import type { WorkerRegistry } from './worker-registry.ts';

/** One frozen hive never makes the whole table wait longer than this. */
const HIVE_DEADLINE_MS = 2_000;

export interface StatusParts {
  hives: HiveCatalog;
  localHive: LocalHive;
  workers: WorkerRegistry;
  peerOf: (hive: Hive) => Peer;
  port: number;
}

type Status = OutputOf<'status'>;

/** Asks all hives at once; wakes none. */
export function createStatus(parts: StatusParts): Run<'status'> {
  const started = Date.now();
  return async function* (_input, context) {
    const asked = await Promise.all(parts.hives.list().map((hive) => askHive(hive, parts, context)));
    return {
      queen: {
        version: __RBEE_VERSION__,
        uptime_s: Math.round((Date.now() - started) / 1000),
        port: parts.port,
        pid: process.pid,
      },
      hives: asked.map(({ hive }) => hive),
      workers: asked.flatMap(({ workers }) => workers),
      models: asked.flatMap(({ models }) => models),
    };
  };
}

async function askHive(hive: Hive, parts: StatusParts, context: JobContext) {
  const health = await hiveHealth(hive, parts.localHive);
  const described = { ...health, host: hive.host, port: hive.port };
  if (health.state !== 'running') return { hive: described, workers: [], models: [] };
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(HIVE_DEADLINE_MS)]);
  const quiet = { ...context, signal, drives: () => undefined };
  const { hive_id } = hive;
  try {
    const [{ workers }, { models }] = await Promise.all([
      outputOf(runOn(parts.peerOf(hive), 'worker_list')({ hive_id }, quiet)),
      outputOf(runOn(parts.peerOf(hive), 'model_list')({ hive_id }, quiet)),
    ]);
    return {
      hive: described,
      workers: workers.map((worker) => withHeartbeat(worker, parts.workers)),
      models: models.map((model) => ({ ...model, hive_id })),
    };
  } catch (cause) {
    const reason = cause instanceof JobError ? cause.message : `no answer within ${HIVE_DEADLINE_MS / 1000} s`;
    return { hive: { ...described, state: 'unreachable' as const, reason }, workers: [], models: [] };
  }
}

/** The hive knows its processes; the worker itself knows how fast it is. */
function withHeartbeat(worker: Status['workers'][number], registry: WorkerRegistry): Status['workers'][number] {
  const heartbeat = registry.find(worker.hive_id, worker.worker_id);
  if (heartbeat === undefined || worker.state === 'exited') return worker;
  const { tokens_per_s, memory_bytes, slots_used, context } = heartbeat;
  return { ...worker, tokens_per_s, memory_bytes, slots_used, ...(context === undefined ? {} : { context }) };
}

/** Runs a job for its output alone. */
async function outputOf<T>(run: AsyncGenerator<unknown, T, void>): Promise<T> {
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
  }
}
