import {
  failed,
  isOperationName,
  isTerminal,
  JobError,
  operations,
  type ErrorCode,
  type OperationName,
  type OutputOf,
} from '../contract/index.ts';
import { cancelJob, newCorrelationId, postJob, readStream, type Broken, type Peer, type StreamEvent } from '../jobs/client.ts';
import { exitCodeOf } from './failure.ts';
import { findQueen } from './queen/find-queen.ts';
import { queenAddress } from './queen/queen-address.ts';
import { reachQueen } from './queen/wake-queen.ts';
import type { Session } from './session.ts';
import type { KnownInput, ShownEvent, Step } from './shown.ts';

/** After a cancel, the stream has this long to end with `cancelled`. */
const CANCEL_DEADLINE_MS = 5_000;

const EXIT_CANCELLED = 130;
/** As of grep and diff: the command worked, and the answer is no. */
const EXIT_NO = 1;

export interface Job {
  operation: string;
  input: object;
}

/**
 * Runs a job on the queen and shows its events.
 * @param reach finds the queen; by default it wakes a queen that is asleep
 * @returns the exit code of how the job ended
 */
export async function runJob(session: Session, job: Job, reach = reachQueen): Promise<number> {
  const { view, interrupt } = session;
  interrupt.listen();
  const correlationId = newCorrelationId();
  const narrate = (step: Step) => view.narrate(step, correlationId);
  const queen = await reach({ narrate, signal: interrupt.signal });
  const gaveUp = new AbortController();
  // Not interrupted: only the answer contains the id of the job to cancel.
  const jobId = await postJob(queen, { ...job, correlationId, signal: gaveUp.signal });
  const narrateJob = (step: Step) => narrate({ ...step, jobId });
  await narrateJob({
    action: 'job',
    human: `job ${jobId}; its path over all hops: rbee trace ${correlationId}`,
    detail: true,
  });
  const unwanted = AbortSignal.any([interrupt.signal, view.gone]);
  const cancelNow = () => cancel(queen, jobId, gaveUp);
  if (unwanted.aborted) cancelNow();
  else unwanted.addEventListener('abort', cancelNow);
  try {
    return await follow(session, {
      queen,
      jobId,
      operation: job.operation,
      input: inputOf(job),
      signal: gaveUp.signal,
      narrate: narrateJob,
      wake: () => reach({ narrate: narrateJob, signal: interrupt.signal }),
    });
  } catch (cause) {
    throw withJobId(cause, jobId);
  } finally {
    unwanted.removeEventListener('abort', cancelNow);
  }
}

/** Output that cannot be written here is still in the queen's log of the job. */
function withJobId(cause: unknown, jobId: string): unknown {
  if (!(cause instanceof JobError) || cause.code !== 'output_failed') return cause;
  const sentence = `${cause.message} Job '${jobId}' keeps running, and its output is kept: rbee logs -f ${jobId}`;
  return new JobError(cause.code, sentence, { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) });
}

interface Following {
  queen: Peer;
  jobId: string;
  operation: string;
  input: KnownInput;
  signal: AbortSignal;
  narrate: (step: Step) => Promise<void>;
  wake: () => Promise<Peer>;
}

/** Shows a job's events, from the first to the last. */
async function follow({ view, interrupt }: Session, following: Following): Promise<number> {
  const { jobId, operation, input } = following;
  for await (const event of eventsOf(following)) {
    await view.event({ ...shown(event, operation), input, byUser: interrupt.signal.aborted });
    // A reader that closed the pipe has enough, as in `| head -1`: not a failure.
    if (isTerminal(event.kind)) return view.gone.aborted ? 0 : exitCodeAfter(event, operation, interrupt.exitCode);
  }
  throw new JobError('queen_bad_response', `The queen ended job '${jobId}' without a result`);
}

/**
 * A job's events, each once. If a queen of this machine dies meanwhile, it is woken: it resumes the job where its log ends, and no
 * reader has read further than that. It is woken again only after it has sent an event since.
 */
async function* eventsOf({ queen, jobId, signal, narrate, wake }: Following): AsyncGenerator<StreamEvent, void, void> {
  let last = 0;
  let mayWake = !queenAddress().isElsewhere;
  let isBroken = false;
  for (;;) {
    const asleep = new AbortController();
    const onReconnect = ({ reason }: Broken) => {
      if (!isBroken)
        void narrate({ action: 'reconnect', human: `connection to the queen dropped (${reason}); resuming the job` });
      isBroken = true;
      if (mayWake) void abortIfAsleep(asleep);
    };
    try {
      const options = { after: last, signal: AbortSignal.any([signal, asleep.signal]), onReconnect };
      for await (const event of readStream(queen, jobId, options)) {
        isBroken = false;
        mayWake = !queenAddress().isElsewhere;
        last = event.seq;
        yield event;
      }
      return;
    } catch (cause) {
      if (signal.aborted || !asleep.signal.aborted) throw givenUp(cause, jobId);
    }
    mayWake = false;
    try {
      await wake();
    } catch (cause) {
      throw givenUp(cause, jobId);
    }
  }
}

/** Only a queen that is gone is woken; for one that is slow or unusable, the stream's own deadline applies. */
async function abortIfAsleep(asleep: AbortController): Promise<void> {
  const isAsleep = await findQueen(queenAddress()).then(
    ({ kind }) => kind === 'asleep',
    () => false,
  );
  if (isAsleep) asleep.abort();
}

/** Names the command that shows how the job ends, unless its end is known. */
function givenUp(cause: unknown, jobId: string): unknown {
  if (!(cause instanceof JobError) || !WITHOUT_AN_END.has(cause.code)) return cause;
  return new JobError(cause.code, `${cause.message}. See how job '${jobId}' ends: rbee logs ${jobId}`, {
    cause,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
  });
}

const WITHOUT_AN_END: ReadonlySet<string> = new Set([
  'queen_unreachable',
  'daemon_start_failed',
  'deadline_exceeded',
  'port_taken',
] satisfies ErrorCode[]);

/** With the defaults of the contract: without a hive, this machine's. */
function inputOf({ operation, input }: Job): KnownInput {
  const parsed = isOperationName(operation) ? operations[operation].input.safeParse(input) : undefined;
  return { ...(parsed?.data ?? input) };
}

export function shown({ seq, kind, json }: StreamEvent, operation: string): ShownEvent {
  return { id: seq, kind, json, operation };
}

function exitCodeAfter({ kind, json }: StreamEvent, operation: string, interrupted: number | undefined): number {
  if (kind === 'failed') return exitCodeOf(failed.parse(JSON.parse(json)).code);
  if (kind === 'cancelled') return interrupted ?? EXIT_CANCELLED;
  return isOperationName(operation) && isNo(operation, JSON.parse(json)) ? EXIT_NO : 0;
}

/** Operations whose answer may be no. Their jobs complete all the same. */
const NO: { readonly [K in OperationName]?: (output: OutputOf<K>) => boolean } = {
  explain: ({ decision }) => decision === 'refuse',
  ssh_test: ({ reachable }) => !reachable,
};

function isNo<K extends OperationName>(operation: K, result: unknown): boolean {
  const parsed = operations[operation].output.safeParse(result);
  return parsed.success && (NO[operation]?.(parsed.data as OutputOf<K>) ?? false);
}

/** Requests the cancel; gives up on a queen that does not confirm it in time. */
function cancel(queen: Peer, jobId: string, gaveUp: AbortController): void {
  // Never rejects: a queen that is gone has nothing to cancel.
  void cancelJob(queen, jobId);
  setTimeout(() => {
    const late = `The queen has not confirmed within ${CANCEL_DEADLINE_MS / 1000} s that job '${jobId}' is cancelled.`;
    gaveUp.abort(new JobError('deadline_exceeded', late));
  }, CANCEL_DEADLINE_MS).unref();
}
