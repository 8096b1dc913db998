import { randomUUID } from 'node:crypto';
import { LAST_WORDS_LIMIT_CHARS, type ToolForm, type Worker } from '../../contract/index.ts';
import type { WorkerSpec } from './worker-spec.ts';

/**
 *   state    | next
 *   loading  | ready, exited
 *   ready    | stopping, exited
 *   stopping | exited
 *   exited   | –
 */
export type WorkerState =
  | { kind: 'loading' }
  | { kind: 'ready'; port: number }
  | { kind: 'stopping'; port: number }
  | { kind: 'exited'; lastWords: string | undefined };

/** A worker of this hive and its state. */
export interface WorkerProcess {
  readonly id: string;
  readonly spec: WorkerSpec;
  readonly startedAt: string;
  state: WorkerState;
  /** Undefined until the process runs. `started` distinguishes it from a later process with the same pid. */
  identity: { pid: number; started: string } | undefined;
  /** Slots in use by requests that the hive has sent there. */
  inFlight: number;
  /** Requests that wait for it to be ready. */
  awaited: number;
  /** When its last request ended. */
  lastUsedAt: string | undefined;
  /** When it was last used, or created, by the monotonic clock of this process: for comparisons. */
  usedMs: number;
  /** Idle for so many seconds it is stopped; never where negative, or where no request has said so. */
  keepAliveS: number | undefined;
  /** Tokens a slot holds; undefined until loaded. */
  contextSize: number | undefined;
  /** How its model writes calls of tools; undefined until loaded. */
  toolForm: ToolForm | undefined;
  /** Abort it to cancel the load. */
  readonly unwanted: AbortController;
  /** Aborts when the process has exited, with the error for its requests. */
  readonly died: AbortController;
  /** Whether it exited or froze without a request to stop. */
  hasFailed: boolean;
  /** Set from an unrequested exit or a kill on; resolves when its requests have failed and it is restarted. Never rejects. */
  ending: Promise<void> | undefined;
  /** Settles when a requested stop is over. */
  stopped: Promise<void>;
  /** Resolves when the worker is ready; rejects with the error of its start. */
  loaded: Promise<void>;
}

export function newWorkerId(): string {
  return `worker-${randomUUID().slice(0, 8)}`;
}

export function newWorker(id: string, spec: WorkerSpec): WorkerProcess {
  return {
    id,
    spec,
    startedAt: new Date().toISOString(),
    state: { kind: 'loading' },
    identity: undefined,
    inFlight: 0,
    awaited: 0,
    lastUsedAt: undefined,
    usedMs: performance.now(),
    keepAliveS: undefined,
    contextSize: undefined,
    toolForm: undefined,
    unwanted: new AbortController(),
    died: new AbortController(),
    hasFailed: false,
    ending: undefined,
    stopped: Promise.resolve(),
    loaded: Promise.resolve(),
  };
}

export function describeWorker(worker: WorkerProcess, hiveId: string): Worker {
  const { state, spec } = worker;
  const context = worker.contextSize ?? spec.context;
  const isBusy = state.kind === 'ready' && worker.inFlight >= spec.slots;
  return {
    worker_id: worker.id,
    hive_id: hiveId,
    model: spec.model,
    worker: spec.worker,
    device: spec.device,
    state: isBusy ? 'busy' : state.kind,
    ...('port' in state ? { port: state.port } : {}),
    ...(worker.identity === undefined ? {} : { pid: worker.identity.pid }),
    slots: spec.slots,
    slots_used: state.kind === 'exited' ? 0 : Math.min(worker.inFlight, spec.slots),
    ...(context === undefined ? {} : { context }),
    ...(worker.toolForm === undefined ? {} : { tool_form: worker.toolForm }),
    started_at: worker.startedAt,
    ...(spec.pinned ? { pinned: true } : {}),
    ...(worker.lastUsedAt === undefined ? {} : { last_used_at: worker.lastUsedAt }),
    unused_s: Math.round(performance.now() - worker.usedMs) / 1_000,
    ...(worker.keepAliveS === undefined ? {} : { keep_alive_s: worker.keepAliveS }),
    ...(spec.need === undefined ? {} : { need_bytes: spec.need.bytes }),
    ...(state.kind === 'exited' && state.lastWords !== undefined
      ? { last_words: state.lastWords.slice(0, LAST_WORDS_LIMIT_CHARS) }
      : {}),
  };
}
