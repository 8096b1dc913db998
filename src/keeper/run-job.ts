import { failed, isTerminal, JobError } from '../contract/index.ts';
import { cancelJob, newCorrelationId, postJob, readStream, type Peer, type StreamEvent } from '../jobs/client.ts';
import { exitCodeOf } from './failure.ts';
import { reachQueen } from './queen/wake-queen.ts';
import type { Step } from './screen/view.ts';
import type { Session } from './session.ts';

/** After a cancel, the stream is given this long to say `cancelled`. */
const CANCEL_DEADLINE_MS = 5_000;

const EXIT_CANCELLED = 130;

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
  await narrate({ action: 'job', human: `this is ${jobId}; its path over all hops: rbee trace ${correlationId}`, detail: true });
  const unwanted = AbortSignal.any([interrupt.signal, view.gone]);
  const cancelNow = () => cancel(queen, jobId, gaveUp);
  if (unwanted.aborted) cancelNow();
  else unwanted.addEventListener('abort', cancelNow);
  try {
    return await follow(session, { queen, jobId, operation: job.operation, signal: gaveUp.signal, narrate });
  } finally {
    unwanted.removeEventListener('abort', cancelNow);
  }
}

interface Following {
  queen: Peer;
  jobId: string;
  operation: string;
  signal: AbortSignal;
  narrate: (step: Step) => Promise<void>;
}

/** Shows a job's events from the first to the last. */
async function follow({ view, interrupt }: Session, following: Following): Promise<number> {
  const { queen, jobId, operation, signal, narrate } = following;
  let isBroken = false;
  const onReconnect = (reason: string) => {
    if (!isBroken) void narrate({ action: 'reconnect', human: `the stream broke (${reason}); taking it up again` });
    isBroken = true;
  };
  for await (const event of readStream(queen, jobId, { after: 0, signal, onReconnect })) {
    isBroken = false;
    await view.event(shown(event, operation));
    // Nobody reads any more, because he has enough: `| head -1` is no failure.
    if (isTerminal(event.kind)) return view.gone.aborted ? 0 : exitCodeAfter(event, interrupt.exitCode);
  }
  throw new JobError('queen_bad_response', `The queen ended job '${jobId}' without saying how`);
}

export function shown({ seq, kind, json }: StreamEvent, operation: string) {
  return { id: seq, kind, json, operation };
}

function exitCodeAfter({ kind, json }: StreamEvent, interrupted: number | undefined): number {
  if (kind === 'failed') return exitCodeOf(failed.parse(JSON.parse(json)).code);
  return kind === 'cancelled' ? (interrupted ?? EXIT_CANCELLED) : 0;
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
