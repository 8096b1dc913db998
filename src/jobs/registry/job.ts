import {
  deferred,
  failed,
  isAnswer,
  isTerminal,
  JobError,
  type DownstreamJob,
  type EventKind,
  type JobEvent,
  type TerminalKind,
  type WireError,
} from '../../contract/index.ts';
import type { Collection } from '../catalog/catalog.ts';
import { RelayedEvent } from '../client/relayed-event.ts';
import { EVENTS_PER_JOB_LIMIT, JOB_LIMIT_CHARS } from '../limits.ts';
import type { EventLog, LoggedEvent } from '../log/event-log.ts';
import type { Flush } from './flush.ts';
import { JobEvents } from './job-events.ts';
import type { Reader } from './reader.ts';
import { SerializedOutput } from './serialized-output.ts';
import type { StoredJob, WaitingInput } from './stored-job.ts';

/** Keeps the jobs of a daemon, and is called when one of them changes. */
export interface JobOwner {
  readonly log: EventLog;
  /** Where waiting requests are kept. */
  readonly waiting: Collection<WaitingInput>;
  /** There are events to flush. */
  eventsAppended(job: Job): void;
  /** The record is to be stored. */
  recordChanged(job: Job): void;
  /** The record is to be stored before any event of the new downstream job (J7). */
  downstreamChanged(job: Job): void;
  /** The log turned out to be damaged. */
  damaged(record: StoredJob): void;
}

/** One job that runs, or whose end is not stored yet: its record, its events, its readers. */
export class Job {
  readonly record: StoredJob;
  readonly events: JobEvents;
  readonly abort = new AbortController();
  readonly readers = new Set<Reader>();
  readonly #owner: JobOwner;
  readonly #ended = deferred();
  /** Of the events that this process has appended. */
  #chars = 0;
  #isClosed = false;
  /** Set when events had to be dropped: such a job never completes. */
  #overLimit: JobError | undefined;
  /** The kept request, until it is stored. */
  #unstoredRequest: object | undefined;
  #isRequestStored: boolean;
  /** The wall clock and the steady clock when this object was created: the times of one job differ by the latter. */
  readonly #bornAt: { wallMs: number; steadyMs: number };

  constructor(record: StoredJob, owner: JobOwner, lastSeq: number) {
    this.record = record;
    this.#owner = owner;
    this.events = new JobEvents(record, { log: owner.log, damaged: (damaged) => owner.damaged(damaged), lastSeq });
    const { created_at, started_at = created_at, first_token_at = started_at } = record;
    this.#bornAt = { wallMs: Math.max(Date.now(), Date.parse(first_token_at)), steadyMs: performance.now() };
    // A recovered job may have a stored request even where its record does not say so.
    this.#isRequestStored = record.state === 'running';
  }

  /** Resolves when the terminal event has been delivered. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Whether it has its terminal event. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a part of an answer has been emitted. */
  get hasAnswered(): boolean {
    return this.record.first_token_at !== undefined;
  }

  start(): void {
    this.record.state = 'running';
    this.record.started_at ??= this.#now();
    this.#owner.recordChanged(this);
  }

  /** Records the job below that this one depends on from now on. */
  setDownstream(below: DownstreamJob): void {
    this.#dropRequest();
    this.record.downstream.push(below);
    this.record.driven_after = this.events.lastSeq;
    this.#owner.downstreamChanged(this);
  }

  /** A job that has emitted tokens is not kept: running it again would repeat them. */
  keepUntilForwarded(input: object, outline: object): boolean {
    if (this.#isClosed || this.hasAnswered) return false;
    if (this.record.parked !== undefined) return true;
    this.record.parked = outline;
    this.#unstoredRequest = input;
    this.#owner.recordChanged(this);
    return true;
  }

  keptRequest(): object | undefined {
    if (this.record.parked === undefined) return undefined;
    return this.#unstoredRequest ?? this.#owner.waiting.get(this.record.job_id)?.input;
  }

  killedWorker(): void {
    this.record.killed_workers = (this.record.killed_workers ?? 0) + 1;
    this.#owner.recordChanged(this);
  }

  /** Stores or deletes the kept request, in the transaction that stores the record. @returns to be called after the commit */
  storeRequest(): () => void {
    const unstored = this.#unstoredRequest;
    const isWaiting = this.record.parked !== undefined;
    if (unstored !== undefined) this.#owner.waiting.put(this.record.job_id, { input: unstored });
    else if (this.#isRequestStored && !isWaiting) this.#owner.waiting.delete(this.record.job_id);
    return () => {
      this.#isRequestStored = isWaiting;
      if (this.#unstoredRequest === unstored) this.#unstoredRequest = undefined;
    };
  }

  /** Ignored once the job has ended (J3). */
  emit(event: JobEvent): void {
    if (this.#isClosed) return;
    if (this.events.lastSeq >= EVENTS_PER_JOB_LIMIT || this.#chars >= JOB_LIMIT_CHARS) return this.#dropEvent();
    if (!this.hasAnswered && isAnswer(event.kind)) {
      this.record.first_token_at = this.#now();
      this.#owner.recordChanged(this);
    }
    // J4: with the number that it has in the job below.
    if (event instanceof RelayedEvent) this.#append(event.kind, event.json, event.below);
    else this.#append(event.kind, JSON.stringify(event.data));
  }

  /** The one terminal event (J3). */
  end(kind: 'failed', data: WireError): void;
  end(kind: 'result' | 'cancelled', data: unknown): void;
  end(kind: TerminalKind, data: unknown): void {
    if (this.#isClosed) return;
    if (kind === 'result' && this.#overLimit !== undefined) return this.end('failed', this.#overLimit.toWire(this.record.actor));
    this.#close(kind, kind === 'failed' ? (data as WireError) : undefined);
    this.#append(kind, data instanceof SerializedOutput ? data.json : JSON.stringify(data));
  }

  /** Takes the end from the log, for a process that died before it stored the record. */
  endAs(last: LoggedEvent): void {
    if (!isTerminal(last.kind)) return;
    const error = last.kind === 'failed' ? failed.safeParse(JSON.parse(last.json)) : undefined;
    this.#close(
      last.kind,
      (error?.success === false ? this.events.lostEvents().toWire(this.record.actor) : error?.data) as WireError,
    );
  }

  /** Ends a job whose log is damaged. Nothing more is written to the log. */
  endDamaged(): void {
    this.#close('failed', this.events.lostEvents().toWire(this.record.actor));
    this.events.endFromRecord(undefined);
    this.#owner.damaged(this.record);
    this.#ended.resolve();
  }

  /** J1: writes to the log, then delivers. A log that cannot be written ends this job and no other. */
  flush(): void {
    const flush = this.#written();
    if (flush === undefined) return;
    for (const reader of this.readers) deliver(reader, flush);
    if (!this.#isClosed) return;
    this.events.seal();
    this.#ended.resolve();
  }

  #written(): Flush | undefined {
    try {
      return this.events.write();
    } catch (cause) {
      const sentence = 'The events of this job could not be written';
      const error = cause instanceof JobError ? cause : new JobError('internal', sentence, { cause });
      const wire = error.toWire(this.record.actor);
      this.#close('failed', wire);
      this.abort.abort(error);
      return this.events.endUnlogged(wire);
    }
  }

  #dropEvent(): void {
    const limits = `${EVENTS_PER_JOB_LIMIT} events and ${JOB_LIMIT_CHARS} characters`;
    this.#overLimit ??= new JobError('event_limit', `A job may write ${limits}; this one exceeded them`);
    this.abort.abort(this.#overLimit);
  }

  #dropRequest(): void {
    delete this.record.parked;
    this.#unstoredRequest = undefined;
  }

  #close(kind: TerminalKind, error: WireError | undefined): void {
    this.#isClosed = true;
    this.#dropRequest();
    this.record.state = kind === 'result' ? 'completed' : kind;
    this.record.ended_at = this.#now();
    if (error !== undefined) this.record.error = error;
    this.#owner.recordChanged(this);
  }

  /** By the steady clock: when the wall clock is set meanwhile, the job neither lasts a day nor ends before it began. */
  #now(): string {
    const { wallMs, steadyMs } = this.#bornAt;
    return new Date(wallMs + performance.now() - steadyMs).toISOString();
  }

  #append(kind: EventKind, json: string, below?: number): void {
    this.#chars += json.length;
    this.events.append(kind, json, below);
    this.#owner.eventsAppended(this);
  }
}

/** A reader that fails is closed; the other readers and the flush of all jobs continue. */
function deliver(reader: Reader, flush: Flush): void {
  try {
    reader.deliver(flush);
  } catch {
    reader.breakOff();
  }
}
