import { randomUUID } from 'node:crypto';
import {
  JobError,
  LOCALHOST,
  operations,
  scopeOf,
  type Handlers,
  type Hive,
  type JobContext,
  type OperationName,
  type OperationSpec,
  type Run,
} from '../contract/index.ts';
import { resumeOn, runOn, type WaitingJob, type Resume } from '../jobs/index.ts';
import { narrate } from '../narration/index.ts';
import type { Gates } from './hives/gates.ts';
import type { HiveCatalog } from './hives/hive-catalog.ts';
import { HiveLossReporter } from './hives/hive-loss-reporter.ts';
import type { FleetView } from './presence/index.ts';
import type { Reach } from './hives/reach.ts';
import { failWhenStalled } from './stall.ts';

export interface ForwardParts {
  hives: HiveCatalog;
  reach: Reach;
  view: FleetView;
  gates: Gates;
}

/** Forwards every operation that runs on a hive, unchanged. */
export function forwardHandlers(parts: ForwardParts): Handlers {
  const names = (Object.keys(operations) as OperationName[]).filter((name) => operations[name].runsOn === 'hive');
  return Object.fromEntries(names.map((name) => [name, forwardToHive(name, parts)]));
}

/** To the hive that the input names. */
function forwardToHive(operation: OperationName, parts: ForwardParts): Run<OperationName> {
  return async function* (input, context) {
    const hive = parts.hives.get('hive_id' in input ? (input.hive_id ?? LOCALHOST) : LOCALHOST);
    const { readsOnly }: OperationSpec = operations[operation];
    if (readsOnly === true && hive.stopped === true) throw new JobError('hive_stopped', `Hive '${hive.hive_id}' is stopped`);
    const output = yield* runOnHive(operation, hive, parts)(input, context);
    const isThere = MODEL_IS_THERE_AFTER[operation];
    if (isThere !== undefined && 'model' in output) {
      const { signal } = context;
      await parts.view.watch(hive.hive_id)?.reportsModel(output.model, isThere, { withinMs: REPORT_WITHIN_MS, signal });
    }
    return output;
  };
}

/** Operations after which the next request expects another list of models: they end when the queen has the hive's report of it. */
const MODEL_IS_THERE_AFTER: Partial<Record<OperationName, boolean>> = { model_download: true, model_delete: false };
/** The hive reports at once; later than this, the report comes after the answer. */
const REPORT_WITHIN_MS = 2_000;

/** How often a job is sent to the same hive, when it did not arrive or was interrupted there without a token. */
const HIVE_TRIES_LIMIT = 3;
/** A hive accepts a job within milliseconds. After this, the client learns what it waits for. */
const SLOW_MS = 1_000;
/** A running hive is reached within this; otherwise the job waits for it. */
const REACHED_MS = 50;

interface ForwardOptions extends ForwardParts {
  /** Called when the job waits for the hive: until the hive accepts it, only the queen has the request. */
  onWait?: () => void;
}

/** @param onWait called when `reaching` takes longer than for a running hive */
export async function patiently<T>(reaching: Promise<T>, onWait: () => void = () => undefined): Promise<T> {
  const timer = setTimeout(onWait, REACHED_MS);
  try {
    return await reaching;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs a job on a hive, which is started first if it does not run. When the job does not arrive, the hive is checked again, restarted if
 * need be, and gets the job again. A hive that exited while it ran the job gets it again too, as long as it has emitted no token and
 * running it twice is harmless.
 */
export function runOnHive<K extends OperationName>(operation: K, hive: Hive, parts: ForwardOptions): Run<K> {
  const { reach, gates, view, onWait } = parts;
  return async function* (input, context) {
    if (gates.whyClosed(hive.hive_id) !== undefined) onWait?.();
    const leave = await gates.enter(hive.hive_id, context.signal);
    const { endsWithoutReader }: OperationSpec = operations[operation];
    // An update of the hive does not wait until the reader of a log has read enough.
    if (endsWithoutReader) leave();
    try {
      return yield* send(input, context);
    } finally {
      leave();
    }
  };
  async function* send(...[input, context]: Parameters<Run<K>>): ReturnType<Run<K>> {
    // The same until the hive accepts the job: one that accepted it and exited before it could answer has one job, not two.
    let idempotencyKey = `${context.jobId}/${randomUUID()}`;
    for (let attempt = 1; ; attempt += 1) {
      await patiently(reach.ensure(hive, context.signal), onWait);
      narrate('forward', `forwarding ${operation} to hive '${hive.hive_id}'`, { detail: true });
      const stall = failWhenStalled(context, { hiveId: hive.hive_id, operation, view });
      const watched = noteAcceptance(stall.context);
      const lost = new HiveLossReporter(hive, parts);
      const over = new AbortController();
      void lost.reportSilence(view, { isTaken: watched.isAccepted, over: over.signal });
      const slow = setTimeout(() => {
        if (!watched.isAccepted()) narrate('hive_slow', `hive '${hive.hive_id}' is slow to accept the job; waiting`);
      }, SLOW_MS);
      try {
        return yield* runOn(reach.peerOf(hive), operation, { onReconnect: lost.onReconnect, idempotencyKey })(
          input,
          watched.context,
        );
      } catch (cause) {
        context.signal.throwIfAborted();
        if (!(cause instanceof JobError) || attempt === HIVE_TRIES_LIMIT) throw lost.explain(cause);
        if (!maySendAgain(cause, { isAccepted: watched.isAccepted(), operation, hive, context })) throw lost.explain(cause);
        if (watched.isAccepted()) {
          idempotencyKey = `${context.jobId}/${randomUUID()}`;
          narrate('retry', `hive '${hive.hive_id}' dropped the job before it answered (${cause.message}); sending it again`);
        }
        reach.markStale(hive);
      } finally {
        clearTimeout(slow);
        stall.end();
        over.abort();
      }
    }
  }
}

/** Resumes a job that was forwarded, or waiting, when the queen was stopped. */
export function resumeOnHive(parts: ForwardParts, again: Again): Resume {
  return async function* (left, context) {
    if (left.kind === 'waiting') return yield* waitAgain(left, { again, context });
    const { operation, below, after } = left;
    const hive = parts.hives.get(below.name);
    const leave = await parts.gates.enter(hive.hive_id, context.signal);
    const lost = new HiveLossReporter(hive, parts);
    const over = new AbortController();
    const stall = failWhenStalled(context, { hiveId: hive.hive_id, operation, view: parts.view });
    try {
      await parts.reach.ensure(hive, context.signal);
      stall.begin();
      void lost.reportSilence(parts.view, { isTaken: () => true, over: over.signal });
      narrate('resume', `the queen was restarted; resuming ${operation} on hive '${hive.hive_id}'`);
      const place = { jobId: below.job_id, after };
      return yield* resumeOn(parts.reach.peerOf(hive), operation, { onReconnect: lost.onReconnect })(place, stall.context);
    } catch (cause) {
      throw lost.explain(cause);
    } finally {
      stall.end();
      over.abort();
      leave();
    }
  };
}

/** Runs a waiting job of an operation again. */
type Again = { [K in OperationName]?: (outline: object, context: JobContext) => ReturnType<Resume> };

interface WaitingParts {
  again: Again;
  context: JobContext;
}

async function* waitAgain({ operation, outline }: WaitingJob, { again, context }: WaitingParts): ReturnType<Resume> {
  const handler = again[operation];
  if (handler === undefined) throw new JobError('interrupted', 'The queen was stopped while this request was waiting');
  narrate('resume', `the queen was restarted; ${operation} waits for a place again`);
  return yield* handler(outline, context);
}

/** Notes whether the hive has accepted the job. */
function noteAcceptance(context: JobContext): { context: JobContext; isAccepted: () => boolean } {
  let isAccepted = false;
  const setDownstream: JobContext['setDownstream'] = (below) => {
    isAccepted = true;
    context.setDownstream(below);
  };
  return { context: { ...context, setDownstream }, isAccepted: () => isAccepted };
}

/** Whether the request did not arrive at the hive. One that shuts down has refused it, and is not started again for it. */
export function wasMissed({ code }: JobError): boolean {
  const scope = scopeOf(code);
  return (scope === 'hive' || scope === 'connection') && code !== 'shutting_down';
}

interface Sent {
  isAccepted: boolean;
  operation: OperationName;
  hive: Hive;
  context: JobContext;
}

function maySendAgain(cause: JobError, { isAccepted, operation, hive, context }: Sent): boolean {
  if (!isAccepted) return wasMissed(cause) && hive.transport !== 'http';
  const spec: OperationSpec = operations[operation];
  return cause.code === 'interrupted' && spec.mayRepeat === true && !context.hasAnswered();
}
