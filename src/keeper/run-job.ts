import {
  failed,
  isOperationName,
  isTerminal,
  JobError,
  operations,
  type OperationName,
  type OutputOf,
} from '../contract/index.ts';
import type { StreamEvent } from '../jobs/client.ts';
import { exitCodeOf } from './failure.ts';
import { startJob, type Job, type StartedJob } from './follow-job.ts';
import { reachQueen } from './queen/wake-queen.ts';
import type { Session } from './session.ts';
import type { KnownInput, ShownEvent } from './shown.ts';

const EXIT_CANCELLED = 130;
/** As of grep and diff: the command worked, and the answer is no. */
const EXIT_NO = 1;

/**
 * Runs a job on the queen and shows its events.
 * @param reach finds the queen; by default it wakes a queen that is asleep
 * @returns the exit code of how the job ended
 */
export async function runJob(session: Session, job: Job, reach = reachQueen): Promise<number> {
  const { view, interrupt } = session;
  interrupt.listen();
  const unwanted = AbortSignal.any([interrupt.signal, view.gone]);
  const started = await startJob(job, { view, reach, signal: interrupt.signal, unwanted });
  try {
    return await showAll(session, job, started);
  } catch (cause) {
    throw withJobId(cause, started.jobId);
  }
}

/** Output that cannot be written here is still in the queen's log of the job. */
function withJobId(cause: unknown, jobId: string): unknown {
  if (!(cause instanceof JobError) || cause.code !== 'output_failed') return cause;
  const sentence = `${cause.message} Job '${jobId}' keeps running, and its output is kept: rbee logs -f ${jobId}`;
  return new JobError(cause.code, sentence, { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) });
}

/** Shows a job's events, from the first to the last. */
async function showAll({ view, interrupt }: Session, job: Job, { events }: StartedJob): Promise<number> {
  const { operation } = job;
  const input = inputOf(job);
  let code = 0;
  for await (const event of events) {
    await view.event({ ...shown(event, operation), input, byUser: interrupt.signal.aborted });
    // A reader that closed the pipe has enough, as in `| head -1`: not a failure.
    if (isTerminal(event.kind)) code = view.gone.aborted ? 0 : exitCodeAfter(event, operation, interrupt.exitCode);
  }
  return code;
}

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
