import type { EventKind } from '../../contract/index.ts';
import type { SetAside } from './set-aside.ts';

export interface LoggedEvent {
  /** 1, 2, 3 … within its job, gapless. */
  seq: number;
  kind: EventKind;
  /** The event's data as one line of JSON. */
  json: string;
  /** For a relayed event, its seq in the job below: where to resume after a crash. */
  below?: number | undefined;
}

/** The job that a log belongs to. Its input is not included: prompts and addresses may contain secrets. */
export interface JobHeader {
  job_id: string;
  operation: string;
  correlation_id: string;
  created_at: string;
}

/** A place in one job's log, between two events. Start at START; get the next from `read`. */
export interface Cursor {
  readonly offset: number;
  /** Seq of the event before this place. */
  readonly seq: number;
}

export const START: Cursor = { offset: 0, seq: 0 };

export interface LogChunk {
  events: LoggedEvent[];
  cursor: Cursor;
  /** Why there are no events. Undefined at the end of the log, and when there are events. */
  stop?: 'gone' | 'damaged';
}

export interface Recovered {
  /** Undefined where it is damaged: the events can be read without it. */
  header: JobHeader | undefined;
  last: LoggedEvent | undefined;
}

/**
 * The append-only events of every job: buffer, replay and record at once.
 * Two implementations, one NDJSON file per job and plain memory for workers, pass one conformance suite.
 * Synchronous, because an append takes about 2 µs, and "append, then deliver" then has no races.
 */
export interface EventLog {
  /**
   * Appends all of the events or none. The caller numbers them; the first append creates the log.
   * @returns the place after them
   * @throws JobError disk_full
   */
  append(job: JobHeader, events: readonly LoggedEvent[]): Cursor;
  /**
   * Up to about READ_CHUNK_BYTES of events from the cursor on, each of them JSON with the next number; none at the end, where the log is
   * gone, and where the next event is damaged.
   */
  read(jobId: string, from: Cursor): LogChunk;
  /** A place from which a read returns every event after `after`, and as few earlier ones as can be determined cheaply. */
  seek(jobId: string, after: number): Cursor;
  /**
   * Cuts off a half-written last line, which a crash may have left.
   * @returns undefined when there is no such log, or one that a crash left without a whole line
   * @throws JobError version_mismatch for a log that a newer version wrote, job_damaged where its last line is no event
   */
  recover(jobId: string): Recovered | undefined;
  /** The ids of all jobs that have a log. */
  jobIds(): string[];
  /** Keeps a damaged log from being lost when its job expires. */
  setAside(jobId: string, aside: SetAside): void;
  /** Seq in the job below of the last event after `after` that was relayed; 0 when there is none. */
  lastRelayed(jobId: string, after: number): number;
  /** No more appends follow; frees what is held for them. */
  seal(jobId: string): void;
  delete(jobId: string): void;
  close(): void;
}
