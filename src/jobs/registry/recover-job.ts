import {
  isTerminal,
  JobError,
  type DownstreamJob,
  type JobContext,
  type JobEvent,
  type OperationName,
} from '../../contract/index.ts';
import type { EventLog, LoggedEvent } from '../log/event-log.ts';
import type { StoredJob } from './stored-job.ts';

/** What a former process was relaying from the role below. */
export interface RelayedJob {
  kind: 'relayed';
  operation: OperationName;
  below: DownstreamJob;
  /** Seq of the last event of the job below that is in the log of this one. */
  after: number;
  /** Whether part of an answer has gone out. */
  hasToken: boolean;
}

/** What had not been handed on: it is begun again from what was asked, which `parked` of its context gives. */
export interface ParkedJob {
  kind: 'parked';
  operation: OperationName;
  /** As it was parked with. */
  outline: object;
}

export type LeftJob = RelayedJob | ParkedJob;

/** Goes on with a job that a former process left. */
export type Resume = (left: LeftJob, context: JobContext) => AsyncGenerator<JobEvent, unknown, void>;

/**
 *   ended       | the log has the end, the record has not
 *   resumable   | the role below was doing it, and may still, or it was waiting for a place
 *   interrupted | only the former process was doing it
 *   damaged     | its log cannot be read
 *   newer       | a newer version wrote its log: not ours to touch
 */
export type Takeover =
  | { kind: 'ended'; last: LoggedEvent }
  | { kind: 'resumable'; lastSeq: number; left: LeftJob }
  | { kind: 'interrupted'; lastSeq: number }
  | { kind: 'damaged'; cause: unknown }
  | { kind: 'newer'; cause: JobError };

/** Looks at what a former process has left of a job, and mends its log. */
export function lookAtLeft(record: StoredJob, log: EventLog): Takeover {
  try {
    // None when the process died before the job had said anything.
    const last = log.recover(record.job_id)?.last;
    if (last !== undefined && isTerminal(last.kind)) return { kind: 'ended', last };
    const lastSeq = last?.seq ?? 0;
    const operation = record.operation as OperationName;
    if (record.parked !== undefined)
      return { kind: 'resumable', lastSeq, left: { kind: 'parked', operation, outline: record.parked } };
    const below = record.downstream.at(-1);
    if (below === undefined) return { kind: 'interrupted', lastSeq };
    const after = last === undefined ? 0 : log.lastRelayed(record.job_id, record.driven_after ?? 0);
    const hasToken = record.first_token_at !== undefined;
    return { kind: 'resumable', lastSeq, left: { kind: 'relayed', operation, below, after, hasToken } };
  } catch (cause) {
    return cause instanceof JobError && cause.code === 'version_mismatch' ? { kind: 'newer', cause } : { kind: 'damaged', cause };
  }
}
