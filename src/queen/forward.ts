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
import { givenUpWhenStalled } from './stall.ts';

export interface ForwardParts {
  hives: HiveCatalog;
  reach: Reach;
  view: FleetView;
  gates: Gates;
}

/** Forwards without understanding: every operation that is not the queen's own goes to a hive, as it came. */
export function forwardHandlers(parts: ForwardParts): Handlers {
  const names = (Object.keys(operations) as OperationName[]).filter((name) => operations[name].runsOn === 'hive');
  return Object.fromEntries(names.map((name) => [name, forwardToHive(name, parts)]));
}

/** The hive that the input names. */
function forwardToHive(operation: OperationName, parts: ForwardParts): Run<OperationName> {
  return async function* (input, context) {
    const hive = parts.hives.get('hive_id' in input ? (input.hive_id ?? LOCALHOST) : LOCALHOST);
    const { readsOnly }: OperationSpec = operations[operation];
    if (readsOnly === true && hive.stopped === true)
      throw new JobError('hive_stopped', `Hive '${hive.hive_id}' is stopped. Start it: rbee hive start ${hive.hive_id}`);
    return yield* runOnHive(operation, hive, parts)(input, context);
  };
}

/** A request that a hive lost before it said anything is given to it again, but not for ever. */
const ATTEMPTS = 3;
/** To take a job is the matter of a moment. After this, whoever waits is told what for. */
const SLOW_MS = 1_000;

/** A hive that is there is reached within this; another one is waited for. */
const REACHED_MS = 50;

interface HandingOver extends ForwardParts {
  /** Told when the hive is waited for: until it takes the job, nobody else has the request. */
  onWait?: () => void;
}

/** @param onWait called when the hive is waited for */
export async function patiently<T>(reaching: Promise<T>, onWait: () => void = () => undefined): Promise<T> {
  const timer = setTimeout(onWait, REACHED_MS);
  try {
    return await reaching;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Wakes the local hive first if nobody has seen it awake. If it was awake and does not take the job, something has happened
 * to it: then it is looked at again, mended, and asked once more. One that died with the job in its hands and had said
 * nothing of the answer is asked once more too, where that does no harm.
 */
export function runOnHive<K extends OperationName>(operation: K, hive: Hive, parts: HandingOver): Run<K> {
  const { reach, gates, view, onWait } = parts;
  return async function* (input, context) {
    if (gates.whyClosed(hive.hive_id) !== undefined) onWait?.();
    const leave = await gates.enter(hive.hive_id, context.signal);
    const { endsWithoutReader }: OperationSpec = operations[operation];
    // An update of the hive does not wait until the reader of a log has read enough.
    if (endsWithoutReader) leave();
    try {
      return yield* asked(input, context);
    } finally {
      leave();
    }
  };
  async function* asked(...[input, context]: Parameters<Run<K>>): ReturnType<Run<K>> {
    // The same as long as nobody has taken it: a hive that took it and died before it could say so has one job, not two.
    let idempotencyKey = `${context.jobId}/${randomUUID()}`;
    for (let attempt = 1; ; attempt += 1) {
      await patiently(reach.ensure(hive, context.signal), onWait);
      narrate('forward', `forwarding ${operation} to hive '${hive.hive_id}'`, { detail: true });
      const going = givenUpWhenStalled(context, { hiveId: hive.hive_id, operation, view });
      const watched = watch(going.context);
      const lost = new HiveLossReporter(hive, parts);
      const over = new AbortController();
      void lost.reportSilence(view, { isTaken: () => watched.job.isTaken, over: over.signal });
      const slow = setTimeout(() => {
        if (!watched.job.isTaken) narrate('hive_slow', `hive '${hive.hive_id}' is slow to take it; waiting`);
      }, SLOW_MS);
      try {
        return yield* runOn(reach.peerOf(hive), operation, { onReconnect: lost.onReconnect, idempotencyKey })(
          input,
          watched.context,
        );
      } catch (cause) {
        context.signal.throwIfAborted();
        if (!(cause instanceof JobError) || attempt === ATTEMPTS) throw lost.explain(cause);
        if (!mayAskAgain(cause, { ...watched.job, operation, hive })) throw lost.explain(cause);
        if (watched.job.isTaken) idempotencyKey = `${context.jobId}/${randomUUID()}`;
        if (watched.job.isTaken)
          narrate('retry', `hive '${hive.hive_id}' lost it before it answered (${cause.message}); asking again`);
        reach.markStale(hive);
      } finally {
        clearTimeout(slow);
        going.end();
        over.abort();
      }
    }
  }
}

/** Goes on with what this queen's former process was forwarding. */
export function resumeOnHive(parts: ForwardParts, again: Again): Resume {
  return async function* (left, context) {
    if (left.kind === 'waiting') return yield* parkedAgain(left, { again, context });
    const { operation, below, after } = left;
    const hive = parts.hives.get(below.name);
    const leave = await parts.gates.enter(hive.hive_id, context.signal);
    const lost = new HiveLossReporter(hive, parts);
    const over = new AbortController();
    const going = givenUpWhenStalled(context, { hiveId: hive.hive_id, operation, view: parts.view });
    try {
      await parts.reach.ensure(hive, context.signal);
      going.begin();
      void lost.reportSilence(parts.view, { isTaken: () => true, over: over.signal });
      narrate('resume', `the queen was started again; going on with ${operation} on hive '${hive.hive_id}'`);
      const place = { jobId: below.job_id, after };
      return yield* resumeOn(parts.reach.peerOf(hive), operation, { onReconnect: lost.onReconnect })(place, going.context);
    } catch (cause) {
      throw lost.explain(cause);
    } finally {
      going.end();
      over.abort();
      leave();
    }
  };
}

/** How a parked job of an operation is begun again. */
type Again = { [K in OperationName]?: (outline: object, context: JobContext) => ReturnType<Resume> };

interface Parked {
  again: Again;
  context: JobContext;
}

/** What was waiting for a place waits again: its request had been kept for that. */
async function* parkedAgain({ operation, outline }: WaitingJob, { again, context }: Parked): ReturnType<Resume> {
  const handler = again[operation];
  if (handler === undefined) throw new JobError('interrupted', 'The queen ended while this request was waiting');
  narrate('resume', `the queen was started again; ${operation} waits for its place again`);
  return yield* handler(outline, context);
}

interface Taken {
  isTaken: boolean;
  isAnswered: boolean;
}

/** Notes how far a hive has come with a job. */
function watch(context: JobContext): { job: Taken; context: JobContext } {
  const job: Taken = { isTaken: false, isAnswered: false };
  return {
    job,
    context: {
      ...context,
      setDownstream: (below) => {
        job.isTaken = true;
        context.setDownstream(below);
      },
      emit: (event) => {
        job.isAnswered ||= event.kind === 'token';
        context.emit(event);
      },
    },
  };
}

/** Whether the request did not arrive at the hive. One that shuts down has refused it, and is not started again for it. */
export function wasMissed({ code }: JobError): boolean {
  const scope = scopeOf(code);
  return (scope === 'hive' || scope === 'connection') && code !== 'shutting_down';
}

function mayAskAgain(cause: JobError, job: Taken & { operation: OperationName; hive: Hive }): boolean {
  if (!job.isTaken) return wasMissed(cause) && job.hive.transport !== 'http';
  const spec: OperationSpec = operations[job.operation];
  return cause.code === 'interrupted' && spec.mayRepeat === true && !job.isAnswered;
}
