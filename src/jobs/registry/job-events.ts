import { isTerminal, JobError, type EventKind, type WireError } from '../../contract/index.ts';
import type { Cursor, EventLog, LogChunk, LoggedEvent } from '../log/event-log.ts';
import { Flush } from './flush.ts';
import type { Readable } from './reader.ts';
import type { StoredJob } from './stored-job.ts';

interface JobEventsOptions {
  log: EventLog;
  /** Called when the log turns out to be damaged. */
  damaged: (record: StoredJob) => void;
  /** Seq of the last event in the log. */
  lastSeq: number;
}

/** The events of one job, from `append` to its readers: numbered, written to the log, and read from there. */
export class JobEvents implements Readable {
  readonly #record: StoredJob;
  readonly #log: EventLog;
  readonly #damaged: (record: StoredJob) => void;
  /** Appended, and not written yet. */
  #pending: LoggedEvent[] = [];
  #lastSeq: number;
  #isDelivered = false;
  /** The end of a job whose log could take no more: the only event that is not in a log. The record has it too. */
  #unlogged: LoggedEvent | undefined;

  constructor(record: StoredJob, { log, damaged, lastSeq }: JobEventsOptions) {
    this.#record = record;
    this.#log = log;
    this.#damaged = damaged;
    this.#lastSeq = lastSeq;
  }

  /** Seq of the last event that was appended. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Whether the end is in the log, and no event will follow. */
  get isDelivered(): boolean {
    return this.#isDelivered;
  }

  append(kind: EventKind, json: string, below?: number): void {
    this.#lastSeq += 1;
    this.#pending.push({ seq: this.#lastSeq, kind, json, below });
  }

  /**
   * Writes what was appended to the log. J1: only what this returns goes to readers.
   * @returns undefined when there is nothing to write
   * @throws what the log throws; the events are lost then
   */
  write(): Flush | undefined {
    const events = this.#pending;
    const [first] = events;
    if (first === undefined) return undefined;
    this.#pending = [];
    try {
      return new Flush(events, this.#log.append(this.#record, events));
    } catch (cause) {
      this.#lastSeq = first.seq - 1;
      throw cause;
    }
  }

  /** The end of a job whose log cannot be written. */
  endUnlogged(error: WireError): Flush {
    this.#lastSeq += 1;
    this.#unlogged = { seq: this.#lastSeq, kind: 'failed', json: JSON.stringify(error) };
    return new Flush([this.#unlogged], { offset: Number.MAX_SAFE_INTEGER, seq: this.#lastSeq });
  }

  /** The end has been delivered. */
  seal(): void {
    this.#isDelivered = true;
    this.#log.seal(this.#record.job_id);
  }

  /** For a job that has ended before: where the log does not have the end, the record may; else the log has lost it. */
  endFromRecord(last: LoggedEvent | undefined): void {
    this.#isDelivered = true;
    if (last !== undefined && isTerminal(last.kind)) return;
    const { error } = this.#record;
    // How many events it had is unknown: a reader may have more of them than are left.
    this.#lastSeq = error === undefined || error.code === 'job_damaged' ? Infinity : this.#lastSeq + 1;
    if (error !== undefined) this.#unlogged = { seq: this.#lastSeq, kind: 'failed', json: JSON.stringify(error) };
  }

  /** Where a reader that has the event `after` reads on. */
  seek(after: number): Cursor {
    return this.#log.seek(this.#record.job_id, after);
  }

  read(from: Cursor): LogChunk {
    const chunk = this.#log.read(this.#record.job_id, from);
    const end = chunk.events.length > 0 ? undefined : this.#endInstead(chunk, from);
    if (end === undefined) return chunk;
    const seq = from.seq + 1;
    return { events: [{ ...end, seq }], cursor: { ...from, seq } };
  }

  lostEvents(): JobError {
    const { job_id, state } = this.#record;
    const how = state === 'queued' || state === 'running' ? 'had not ended' : `had ended as ${state}`;
    return new JobError('job_damaged', `The later events of job '${job_id}' are lost: its log is damaged. The job ${how}.`);
  }

  /** The end for a reader that finds neither an event after `seq` nor an end in the log. */
  #endInstead({ stop }: LogChunk, { seq }: Cursor): LoggedEvent | undefined {
    const isAll = this.#isDelivered ? stop === 'gone' : seq >= this.#lastSeq - this.#pending.length;
    if (isAll) return this.#unlogged;
    if (this.#unlogged === undefined || stop === 'damaged') this.#damaged(this.#record);
    return this.#unlogged ?? { seq: 0, kind: 'failed', json: JSON.stringify(this.lostEvents().toWire(this.#record.actor)) };
  }
}
