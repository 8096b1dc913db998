import { availableParallelism } from 'node:os';
import { JobError, type WorkerFlags, type WorkerHeartbeat, deferred } from '../contract/index.ts';
import { reportStep } from '../daemon/index.ts';
import type { Peer, ServedRole } from '../jobs/index.ts';
import { log } from '../narration/index.ts';
import { engines, type Engine } from './engines/index.ts';
import { Heartbeat } from './heartbeat.ts';
import { embedHandlers } from './embed.ts';
import { createInfer } from './infer.ts';

export { probeGpu } from './probe-gpu.ts';

export interface WorkerOptions extends Omit<WorkerFlags, 'hiveUrl'> {
  port: number;
  /** Where to send heartbeats; none are sent when undefined. */
  hive: Peer | undefined;
}

/** One model, loaded once, serving `infer` until SIGTERM. */
export function createWorker(options: WorkerOptions): ServedRole {
  const { id, model, hive } = options;
  let state: WorkerHeartbeat['state'] = 'loading';
  let engine: Engine | undefined;
  const rate = createRate(() => engine?.tokensGenerated ?? 0);
  const heartbeat =
    hive === undefined
      ? undefined
      : new Heartbeat(hive, () => describe(options, { state: busyOr(state, engine), engine, tokensPerSecond: rate() }));
  const ended = new AbortController();
  const loading = deferred<Engine>();

  return {
    handlers: {
      infer: createInfer({ id, model, loaded: () => loading.promise }),
      ...embedHandlers({ id, model, loaded: () => loading.promise }),
    },
    findPeer: ({ role }) => {
      throw new JobError('not_found', `A worker has no jobs on a ${role}`);
    },
    start: async () => {
      heartbeat?.beat();
      engine = await load(options, { signal: ended.signal, onSlotsChange: () => heartbeat?.beat() });
      loading.resolve(engine);
      state = 'ready';
      heartbeat?.beat();
      return { contextSize: engine.contextSize, toolForm: engine.toolForm };
    },
    stop: async () => {
      state = 'stopping';
      ended.abort(new JobError('cancelled', `${id} is shutting down`));
      await heartbeat?.stop();
      await engine?.close();
    },
  };
}

async function load(
  options: WorkerOptions,
  { signal, onSlotsChange }: { signal: AbortSignal; onSlotsChange: () => void },
): Promise<Engine> {
  let reportedAt = 0;
  const started = performance.now();
  const engine = await engines[options.engine].load({
    modelPath: options.modelPath,
    worker: options.worker,
    slots: options.slots,
    contextSize: options.context,
    threads: availableParallelism(),
    signal,
    onSlotsChange,
    onLoadProgress: (fraction) => {
      if (fraction < 1 && performance.now() - reportedAt < PROGRESS_INTERVAL_MS) return;
      reportedAt = performance.now();
      void reportStep({
        kind: 'progress',
        data: { action: 'worker_load', done: Math.round(fraction * 100), total: 100, unit: 'percent', rate: null, eta_s: null },
      });
    },
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  log.info(
    { action: 'worker_load' },
    `loaded ${options.model} in ${seconds} s: ${engine.slots} slots of ${engine.contextSize} tokens`,
  );
  void reportStep({
    kind: 'narration',
    data: {
      action: 'worker_load',
      human: `${options.model} loaded in ${seconds} s: ${engine.slots} slots of ${engine.contextSize} tokens`,
      detail: true,
    },
  });
  return engine;
}

/** Fast enough to look continuous. */
const PROGRESS_INTERVAL_MS = 250;

function busyOr(state: WorkerHeartbeat['state'], engine: Engine | undefined): WorkerHeartbeat['state'] {
  return state === 'ready' && engine !== undefined && engine.slotsUsed >= engine.slots ? 'busy' : state;
}

function describe(
  options: WorkerOptions,
  now: { state: WorkerHeartbeat['state']; engine: Engine | undefined; tokensPerSecond: number },
): WorkerHeartbeat {
  return {
    worker_id: options.id,
    hive_id: options.hiveId,
    model: options.model,
    worker: options.worker,
    device: options.device,
    state: now.state,
    port: options.port,
    slots: options.slots,
    slots_used: now.engine?.slotsUsed ?? 0,
    ...(now.engine === undefined ? {} : { context: now.engine.contextSize }),
    tokens_per_s: now.tokensPerSecond,
    memory_bytes: now.engine?.memoryBytes() ?? process.memoryUsage.rss(),
    steps: now.engine?.steps ?? 0,
  };
}

/** Growth of a counter a second, since the last time it was asked. */
function createRate(count: () => number): () => number {
  let last = { count: 0, at: performance.now() };
  return () => {
    const now = { count: count(), at: performance.now() };
    const rate = ((now.count - last.count) / Math.max(now.at - last.at, 1)) * 1000;
    last = now;
    return Math.round(rate * 10) / 10;
  };
}
