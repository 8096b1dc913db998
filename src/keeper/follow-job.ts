import { isTerminal, JobError, type ErrorCode } from '../contract/index.ts';
import { cancelJob, newCorrelationId, postJob, readStream, type Broken, type Peer, type StreamEvent } from '../jobs/client.ts';
import { findQueen } from './queen/find-queen.ts';
import { queenAddress } from './queen/queen-address.ts';
import type { Waking } from './queen/wake-queen.ts';
import type { View } from './screen/view.ts';
import type { Step } from './shown.ts';

/** After a cancel, the stream has this long to end with `cancelled`. */
const CANCEL_DEADLINE_MS = 5_000;

export interface Job {
  operation: string;
  input: object;
  /** The same key and input are the same job; a new one when left out. */
  idempotencyKey?: string;
}

export interface Starting {
  view: Pick<View, 'narrate'>;
  /** Finds the queen, and may wake it. */
  reach: (waking: Waking) => Promise<Peer>;
  /** Stops the waking. */
  signal: AbortSignal;
  /** Cancels the job, once there is one. */
  unwanted: AbortSignal;
  /** Ends the events; the job keeps running. */
  left?: AbortSignal;
}

export interface StartedJob {
  jobId: string;
  /** Up to the terminal one. Throws where the job's end cannot be known. */
  events: AsyncGenerator<StreamEvent, void, void>;
}

/** Creates a job on the queen. It runs from then on, with or without a reader of its events. */
export async function startJob(job: Job, { view, reach, signal, unwanted, left }: Starting): Promise<StartedJob> {
  const correlationId = newCorrelationId();
  const narrate = (step: Step) => view.narrate(step, correlationId);
  const queen = await reach({ narrate, signal });
  const gaveUp = new AbortController();
  const ended = left === undefined ? gaveUp.signal : AbortSignal.any([gaveUp.signal, left]);
  // Not interrupted: only the answer contains the id of the job to cancel.
  const jobId = await postJob(queen, { ...job, correlationId, signal: ended });
  const narrateJob = (step: Step) => narrate({ ...step, jobId });
  await narrateJob({
    action: 'job',
    human: `job ${jobId}; its path over all hops: rbee trace ${correlationId}`,
    detail: true,
  });
  const following = { queen, jobId, signal: ended, narrate: narrateJob, wake: () => reach({ narrate: narrateJob, signal }) };
  return { jobId, events: whileWanted(following, { unwanted, cancelNow: () => cancel(queen, jobId, gaveUp) }) };
}

interface Following {
  queen: Peer;
  jobId: string;
  signal: AbortSignal;
  narrate: (step: Step) => Promise<void>;
  wake: () => Promise<Peer>;
}

async function* whileWanted(
  following: Following,
  { unwanted, cancelNow }: { unwanted: AbortSignal; cancelNow: () => void },
): AsyncGenerator<StreamEvent, void, void> {
  if (unwanted.aborted) cancelNow();
  else unwanted.addEventListener('abort', cancelNow);
  try {
    for await (const event of eventsOf(following)) {
      yield event;
      if (isTerminal(event.kind)) return;
    }
  } finally {
    unwanted.removeEventListener('abort', cancelNow);
  }
  throw new JobError('queen_bad_response', `The queen ended job '${following.jobId}' without a result`);
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

/** Requests the cancel; gives up on a queen that does not confirm it in time. */
function cancel(queen: Peer, jobId: string, gaveUp: AbortController): void {
  // Never rejects: a queen that is gone has nothing to cancel.
  void cancelJob(queen, jobId);
  setTimeout(() => {
    const late = `The queen has not confirmed within ${CANCEL_DEADLINE_MS / 1000} s that job '${jobId}' is cancelled.`;
    gaveUp.abort(new JobError('deadline_exceeded', late));
  }, CANCEL_DEADLINE_MS).unref();
}
