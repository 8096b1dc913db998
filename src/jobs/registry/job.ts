import {
  failed,
  isTerminal,
  JobError,
  type DownstreamJob,
  type EventKind,
  type JobEvent,
  type TerminalKind,
  type WireError,
} from '../../contract/index.ts';
import type { Collection } from '../catalog/catalog.ts';
import { type Cursor, type EventLog, type LogChunk, type LoggedEvent } from '../log/event-log.ts';
import { EVENTS_PER_JOB_LIMIT, JOB_LIMIT_CHARS } from '../limits.ts';
import { Flush, type Reader } from './reader.ts';
import { RelayedEvent } from '../client/relayed-event.ts';
import { SerializedOutput } from './serialized-output.ts';
import type { WaitingInput, StoredJob } from './stored-job.ts';

export interface JobOptions {
  log: EventLog;
  /** Where waiting requests are kept; left out for an ended job. */
  waiting?: Collection<WaitingInput>;
  /** Called when there are events to flush. */
  dirty: (job: Job) => void;
  /** Called when the record is to be stored. */
  recordChanged: (job: Job) => void;
  /** Called when the record is to be stored before any event of the job below is written: they are read together. */
  drivesAnother: (job: Job) => void;
  /** Called when its log turns out to be damaged. */
  damaged: (job: Job) => void;
  lastSeq: number;
}

/**
 * One job in memory: its record, its events on the way to the log, its readers.
 * `append` numbers an event; `flush` makes what was appended durable and only then delivers it.
 */
export class Job {
  readonly record: StoredJob;
  readonly abort = new AbortController();
  readonly readers = new Set<Reader>();
  readonly #log: EventLog;
  readonly #dirty: (job: Job) => void;
  /** Resolves when the terminal event has been delivered. */
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;
  #pending: LoggedEvent[] = [];
  #lastSeq: number;
  /** Of the events that this process has written. */
  #chars = 0;
  #closed = false;
  #isDelivered = false;
  /** Set when events had to be dropped: such a job never ends as if it were whole. */
  #overLimit: JobError | undefined;
  /** The end of a job whose log could take no more: the one event that lives in memory alone. */
  #unlogged: LoggedEvent | undefined;
  readonly #recordChanged: (job: Job) => void;
  readonly #drivesAnother: (job: Job) => void;
  readonly #damaged: (job: Job) => void;
  readonly #waiting: Collection<WaitingInput> | undefined;
  /** The kept request, until it is stored. */
  #unstoredRequest: object | undefined;
  #isRequestStored: boolean;
  /** What the wall clock was when this object was made, and the steady one: times of one job are told apart by the latter. */
  readonly #bornAt: { wallMs: number; steadyMs: number };

  constructor(record: StoredJob, options: JobOptions) {
    this.record = record;
    this.#log = options.log;
    this.#dirty = options.dirty;
    this.#recordChanged = options.recordChanged;
    this.#drivesAnother = options.drivesAnother;
    this.#damaged = options.damaged;
    const { created_at, started_at = created_at, first_token_at = started_at } = record;
    this.#bornAt = { wallMs: Math.max(Date.now(), Date.parse(first_token_at)), steadyMs: performance.now() };
    this.#lastSeq = options.lastSeq;
    this.#waiting = options.waiting;
    // A recovered job may have a stored request even where its record does not say so.
    this.#isRequestStored = record.state === 'running';
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether the end is in the log, and no event will follow. */
  get isDelivered(): boolean {
    return this.#isDelivered;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  start(): void {
    this.record.state = 'running';
    this.record.started_at ??= this.#now();
    this.#recordChanged(this);
  }

  /** Whether a token has been emitted. */
  get hasAnswered(): boolean {
    return this.record.first_token_at !== undefined;
  }

  /** Records the job below that this one depends on from now on. */
  setDownstream(below: DownstreamJob): void {
    this.#dropRequest();
    this.record.downstream.push(below);
    this.record.driven_after = this.#lastSeq;
    this.#drivesAnother(this);
  }

  /** A job that has emitted tokens is not kept: running it again would repeat them. */
  keepUntilForwarded(input: object, outline: object): boolean {
    if (this.#closed || this.hasAnswered) return false;
    if (this.record.parked !== undefined) return true;
    this.record.parked = outline;
    this.#unstoredRequest = input;
    this.#recordChanged(this);
    return true;
  }

  keptRequest(): object | undefined {
    if (this.record.parked === undefined) return undefined;
    return this.#unstoredRequest ?? this.#waiting?.get(this.record.job_id)?.input;
  }

  killedWorker(): void {
    this.record.killed_workers = (this.record.killed_workers ?? 0) + 1;
    this.#recordChanged(this);
  }

  /** To be called in the transaction that stores the record. @returns to be called when that is done */
  storeRequest(): () => void {
    const unstored = this.#unstoredRequest;
    const isWaiting = this.record.parked !== undefined;
    if (unstored !== undefined) this.#waiting?.put(this.record.job_id, { input: unstored });
    else if (this.#isRequestStored && !isWaiting) this.#waiting?.delete(this.record.job_id);
    return () => {
      this.#isRequestStored = isWaiting;
      if (this.#unstoredRequest === unstored) this.#unstoredRequest = undefined;
    };
  }

  #dropRequest(): void {
    delete this.record.parked;
    this.#unstoredRequest = undefined;
  }

  /** Ignored once the job has ended: what a handler still says then changes nothing. */
  emit(event: JobEvent): void {
    if (this.#closed) return;
    if (this.#lastSeq >= EVENTS_PER_JOB_LIMIT || this.#chars >= JOB_LIMIT_CHARS) {
      const limits = `${EVENTS_PER_JOB_LIMIT} events and ${JOB_LIMIT_CHARS} characters`;
      this.#overLimit ??= new JobError('event_limit', `A job may write ${limits}; this one wanted more`);
      this.abort.abort(this.#overLimit);
      return;
    }
    if (event.kind === 'token' && !this.hasAnswered) {
      this.record.first_token_at = this.#now();
      this.#recordChanged(this);
    }
    if (event instanceof RelayedEvent) this.#append(event.kind, event.json, event.below);
    else this.#append(event.kind, JSON.stringify(event.data));
  }

  end(kind: 'failed', data: WireError): void;
  end(kind: 'result' | 'cancelled', data: unknown): void;
  end(kind: TerminalKind, data: unknown): void {
    if (this.#closed) return;
    if (kind === 'result' && this.#overLimit !== undefined) return this.end('failed', this.#overLimit.toWire(this.record.actor));
    this.#close(kind, kind === 'failed' ? (data as WireError) : undefined);
    this.#append(kind, data instanceof SerializedOutput ? data.json : JSON.stringify(data));
  }

  /** Takes over the end that the log already has, for a process that died before it could store it. */
  endAs(last: LoggedEvent): void {
    if (!isTerminal(last.kind)) return;
    const error = last.kind === 'failed' ? failed.safeParse(JSON.parse(last.json)) : undefined;
    this.#close(last.kind, (error?.success === false ? this.#lostEvents().toWire(this.record.actor) : error?.data) as WireError);
  }

  /** For an ended job that is read again. Where its log could not take the end, the record knows it; else the log has lost it. */
  endFromRecord(last: LoggedEvent | undefined): void {
    this.#isDelivered = true;
    if (last !== undefined && isTerminal(last.kind)) return;
    const { error } = this.record;
    // Nobody knows how many events it had: a reader may have more than are left.
    this.#lastSeq = error === undefined || error.code === 'job_damaged' ? Infinity : this.#lastSeq + 1;
    if (error !== undefined) this.#unlogged = { seq: this.#lastSeq, kind: 'failed', json: JSON.stringify(error) };
  }

  /** Ends a job whose log is damaged: nothing is written to it any more. */
  endDamaged(): void {
    const error = this.#lostEvents().toWire(this.record.actor);
    this.#close('failed', error);
    this.endFromRecord(undefined);
    this.#damaged(this);
    this.#resolveEnded();
  }

  /** Where a reader that has the event `after` reads on. */
  seek(after: number): Cursor {
    return this.#log.seek(this.record.job_id, after);
  }

  read(from: Cursor): LogChunk {
    const chunk = this.#log.read(this.record.job_id, from);
    const end = chunk.events.length > 0 ? undefined : this.#endInstead(chunk, from);
    if (end === undefined) return chunk;
    const seq = from.seq + 1;
    return { events: [{ ...end, seq }], cursor: { ...from, seq } };
  }

  /** The end for a reader that finds neither an event after `seq` nor an end in the log. */
  #endInstead({ stop }: LogChunk, { seq }: Cursor): LoggedEvent | undefined {
    const isAll = this.#isDelivered ? stop === 'gone' : seq >= this.#lastSeq - this.#pending.length;
    if (isAll) return this.#unlogged;
    if (this.#unlogged === undefined || stop === 'damaged') this.#damaged(this);
    return this.#unlogged ?? { seq: 0, kind: 'failed', json: JSON.stringify(this.#lostEvents().toWire(this.record.actor)) };
  }

  #lostEvents(): JobError {
    const { job_id, state } = this.record;
    const how = state === 'queued' || state === 'running' ? 'was not over' : `had ended as ${state}`;
    return new JobError('job_damaged', `The events of job '${job_id}' after this are lost: its log is damaged. It ${how}.`);
  }

  /** Appends to the log, then delivers. A log that cannot be written ends this job and no other. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const events = this.#pending;
    this.#pending = [];
    let flush: Flush;
    try {
      flush = new Flush(events, this.#log.append(this.record, events));
    } catch (cause) {
      flush = this.#failUnlogged(cause, events);
    }
    for (const reader of this.readers) deliver(reader, flush);
    if (this.#closed) {
      this.#isDelivered = true;
      this.#log.seal(this.record.job_id);
      this.#resolveEnded();
    }
  }

  #close(kind: TerminalKind, error: WireError | undefined): void {
    this.#closed = true;
    this.#dropRequest();
    this.record.state = kind === 'result' ? 'completed' : kind;
    this.record.ended_at = this.#now();
    if (error !== undefined) this.record.error = error;
    this.#recordChanged(this);
  }

  /** A wall clock that is set right meanwhile makes no job last a day, or end before it began. */
  #now(): string {
    const { wallMs, steadyMs } = this.#bornAt;
    return new Date(wallMs + performance.now() - steadyMs).toISOString();
  }

  #append(kind: EventKind, json: string, below?: number): void {
    this.#lastSeq += 1;
    this.#chars += json.length;
    this.#pending.push({ seq: this.#lastSeq, kind, json, below });
    this.#dirty(this);
  }

  #failUnlogged(cause: unknown, lost: readonly LoggedEvent[]): Flush {
    const error =
      cause instanceof JobError ? cause : new JobError('internal', 'The events of this job could not be written', { cause });
    const wire = error.toWire(this.record.actor);
    this.#close('failed', wire);
    this.#lastSeq = lost[0]?.seq ?? 1;
    this.#unlogged = { seq: this.#lastSeq, kind: 'failed', json: JSON.stringify(wire) };
    this.abort.abort(error);
    return new Flush([this.#unlogged], { offset: Number.MAX_SAFE_INTEGER, seq: this.#lastSeq });
  }
}

/** What goes wrong with one reader is its own affair: the others, and the flush of all jobs, go on. */
function deliver(reader: Reader, flush: Flush): void {
  try {
    reader.deliver(flush);
  } catch {
    reader.breakOff();
  }
}
