import { failed, isOperationName, isTerminal, JobError, operations, type ErrorCode } from '../contract/index.ts';
import { cancelJob, newCorrelationId, postJob, readStream, type Broken, type Peer, type StreamEvent } from '../jobs/client.ts';
import { exitCodeOf } from './failure.ts';
import type { Said } from './filled-hint.ts';
import { findQueen } from './queen/find-queen.ts';
import { queenAddress } from './queen/queen-address.ts';
import { reachQueen } from './queen/wake-queen.ts';
import type { Step } from './screen/view.ts';
import type { Session } from './session.ts';
import { isNo } from './verdict.ts';

/** After a cancel, the stream is given this long to say `cancelled`. */
const CANCEL_DEADLINE_MS = 5_000;

const EXIT_CANCELLED = 130;
/** As grep and diff have it: all went well, and the answer is no. */
const EXIT_NO = 1;

export interface Job {
  operation: string;
  input: object;
}

/**
 * Has the queen do a job and shows all that happens.
 * @param reach finds the queen; she is woken first unless something else is given
 * @returns the exit code: how the job ended
 */
export async function runJob(session: Session, job: Job, reach = reachQueen): Promise<number> {
  const { view, interrupt } = session;
  interrupt.listen();
  const correlationId = newCorrelationId();
  const narrate = (step: Step) => view.narrate(step, correlationId);
  const queen = await reach({ narrate, signal: interrupt.signal });
  const gaveUp = new AbortController();
  // Not to be interrupted: only the answer tells which job there is to cancel.
  const jobId = await postJob(queen, { ...job, correlationId, signal: gaveUp.signal });
  const narrateJob = (step: Step) => narrate({ ...step, jobId });
  await narrateJob({
    action: 'job',
    human: `this is ${jobId}; its path over all hops: rbee trace ${correlationId}`,
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
      input: saidBy(job),
      signal: gaveUp.signal,
      narrate: narrateJob,
      wake: () => reach({ narrate: narrateJob, signal: interrupt.signal }),
    });
  } catch (cause) {
    throw kept(cause, jobId);
  } finally {
    unwanted.removeEventListener('abort', cancelNow);
  }
}

/** What cannot be written is not lost: the queen has it. */
function kept(cause: unknown, jobId: string): unknown {
  if (!(cause instanceof JobError) || cause.code !== 'output_failed') return cause;
  const sentence = `${cause.message} Job '${jobId}' goes on, and all that it says is kept: rbee logs -f ${jobId}`;
  return new JobError(cause.code, sentence, { cause });
}

interface Following {
  queen: Peer;
  jobId: string;
  operation: string;
  input: Said;
  signal: AbortSignal;
  narrate: (step: Step) => Promise<void>;
  wake: () => Promise<Peer>;
}

/** Shows a job's events from the first to the last. */
async function follow({ view, interrupt }: Session, following: Following): Promise<number> {
  const { jobId, operation, input } = following;
  for await (const event of eventsOf(following)) {
    await view.event({ ...shown(event, operation), input });
    // Nobody reads any more, because he has enough: `| head -1` is no failure.
    if (isTerminal(event.kind)) return view.gone.aborted ? 0 : exitCodeAfter(event, operation, interrupt.exitCode);
  }
  throw new JobError('queen_bad_response', `The queen ended job '${jobId}' without saying how`);
}

/**
 * A job's events, each once. A queen of this machine who dies in the middle is woken: she goes on with the job where her log
 * ends, and nobody has read further than that. Woken once for each time that she had something to say.
 */
async function* eventsOf({ queen, jobId, signal, narrate, wake }: Following): AsyncGenerator<StreamEvent, void, void> {
  let last = 0;
  let mayWake = !queenAddress().isElsewhere;
  let isBroken = false;
  for (;;) {
    const asleep = new AbortController();
    const onReconnect = ({ reason }: Broken) => {
      if (!isBroken) void narrate({ action: 'reconnect', human: `lost the queen (${reason}); taking the job up again` });
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

/** Only a queen who is gone is woken: one who is slow, or cannot be used, is left to the stream's own patience. */
async function abortIfAsleep(asleep: AbortController): Promise<void> {
  const isAsleep = await findQueen(queenAddress()).then(
    ({ kind }) => kind === 'asleep',
    () => false,
  );
  if (isAsleep) asleep.abort();
}

/** Says where to look for the job, unless its end was told, or wanted. */
function givenUp(cause: unknown, jobId: string): unknown {
  if (!(cause instanceof JobError) || !WITHOUT_AN_END.has(cause.code)) return cause;
  return new JobError(cause.code, `${cause.message}. How job '${jobId}' ends: rbee logs ${jobId}`, { cause });
}

const WITHOUT_AN_END: ReadonlySet<string> = new Set([
  'queen_unreachable',
  'daemon_start_failed',
  'deadline_exceeded',
  'port_taken',
] satisfies ErrorCode[]);

/** With the defaults of the contract: who names no hive means this machine's. */
function saidBy({ operation, input }: Job): Said {
  const parsed = isOperationName(operation) ? operations[operation].input.safeParse(input) : undefined;
  return { ...(parsed?.data ?? input) };
}

export function shown({ seq, kind, json }: StreamEvent, operation: string) {
  return { id: seq, kind, json, operation };
}

function exitCodeAfter({ kind, json }: StreamEvent, operation: string, interrupted: number | undefined): number {
  if (kind === 'failed') return exitCodeOf(failed.parse(JSON.parse(json)).code);
  if (kind === 'cancelled') return interrupted ?? EXIT_CANCELLED;
  return isNo(operation, JSON.parse(json)) ? EXIT_NO : 0;
}

/** Asks the queen to cancel; a queen that does not say `cancelled` in time is not waited for any longer. */
function cancel(queen: Peer, jobId: string, gaveUp: AbortController): void {
  // Never rejects: a queen that is gone has nothing left to cancel.
  void cancelJob(queen, jobId);
  setTimeout(() => {
    const late = `The queen has not confirmed within ${CANCEL_DEADLINE_MS / 1000} s that job '${jobId}' is cancelled.`;
    gaveUp.abort(new JobError('deadline_exceeded', late));
  }, CANCEL_DEADLINE_MS).unref();
}
