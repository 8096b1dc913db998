import {
  isAnswer,
  isTerminal,
  JobError,
  type DownstreamJob,
  type JobContext,
  type JobEvent,
  type OperationName,
} from '../../contract/index.ts';
import { START, type EventLog, type LoggedEvent } from '../log/event-log.ts';
import type { StoredJob } from './stored-job.ts';

/** A job that the previous process was relaying from the role below. */
export interface RelayedJob {
  kind: 'relayed';
  operation: OperationName;
  below: DownstreamJob;
  /** Seq of the last event of the job below that is in the log of this one. */
  after: number;
  /** Whether part of an answer has gone out. */
  hasToken: boolean;
}

/** A request that had not been forwarded yet. It starts again from the request that `keptRequest` of its context reads. */
export interface WaitingJob {
  kind: 'waiting';
  operation: OperationName;
  /** As given to `keepUntilForwarded`. */
  outline: object;
}

export type RecoveredJob = RelayedJob | WaitingJob;

/** Continues a job of a previous process. */
export type Resume = (left: RecoveredJob, context: JobContext) => AsyncGenerator<JobEvent, unknown, void>;

/**
 *   ended       | the log has the end, the record has not
 *   resumable   | the role below was doing it, and may still, or it was waiting for a place
 *   interrupted | only the former process was doing it
 *   damaged     | its log cannot be read
 *   newer       | a newer version wrote its log: it is left as it is
 */
export type Recovery =
  | { kind: 'ended'; last: LoggedEvent }
  | { kind: 'resumable'; lastSeq: number; left: RecoveredJob }
  | { kind: 'interrupted'; lastSeq: number }
  | { kind: 'damaged'; cause: unknown }
  | { kind: 'newer'; cause: JobError };

/** Decides what becomes of a job of a previous process. Repairs its log on the way: a torn last line is cut off. */
export function recoverJob(record: StoredJob, log: EventLog): Recovery {
  try {
    // None when the process died before the job had said anything.
    const last = log.recover(record.job_id)?.last;
    if (last !== undefined && isTerminal(last.kind)) return { kind: 'ended', last };
    const lastSeq = last?.seq ?? 0;
    const operation = record.operation as OperationName;
    if (record.parked !== undefined)
      return { kind: 'resumable', lastSeq, left: { kind: 'waiting', operation, outline: record.parked } };
    const below = record.downstream.at(-1);
    // The end of a step before it, such as a download, would not be the end of this job.
    if (below === undefined || (below.operation ?? operation) !== operation) return { kind: 'interrupted', lastSeq };
    const after = last === undefined ? 0 : log.lastRelayed(record.job_id, record.driven_after ?? 0);
    const hasToken = record.first_token_at !== undefined || hasAnswerIn(log, record.job_id);
    return { kind: 'resumable', lastSeq, left: { kind: 'relayed', operation, below, after, hasToken } };
  } catch (cause) {
    return cause instanceof JobError && cause.code === 'version_mismatch' ? { kind: 'newer', cause } : { kind: 'damaged', cause };
  }
}

/** The record is stored a little later than the events: a process that died between the two has stored the beginning of the answer, but not its time. */
function hasAnswerIn(log: EventLog, jobId: string): boolean {
  for (let from = START; ;) {
    const { events, cursor } = log.read(jobId, from);
    if (events.length === 0) return false;
    if (events.some(({ kind }) => isAnswer(kind))) return true;
    from = cursor;
  }
}
