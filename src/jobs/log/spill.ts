import { isTerminal, JobError, needsNoDisk } from '../../contract/index.ts';
import { START, type Cursor, type EventLog, type JobHeader, type LogChunk, type LoggedEvent } from './event-log.ts';
import { SPILL_RETRY_MS, SPILLED_CHARS_LIMIT, SPILLED_JOBS_LIMIT } from '../limits.ts';

/** The disk on which the events of jobs are kept. */
export interface Room {
  /** @throws JobError disk_full when so many more bytes would leave too little for everything else */
  take(bytes: number): void;
}

/**
 * An event log that leaves space free on the disk. On a full disk, jobs that need no disk continue: their events stay in memory, and so
 * does the terminal event of a job that was cancelled or failed. They are written when there is space; until then they are lost if the
 * process exits. Other jobs fail with disk_full.
 */
export function spillingEventLog(log: EventLog, room: Room): EventLog {
  const tails = new Tails(log);
  return {
    ...log,
    append(job, events) {
      if (tails.has(job.job_id)) return tails.append(job, events);
      try {
        if (!needsNoDisk(job.operation) && !isEnd(events)) room.take(sizeOf(events));
        const end = log.append(job, events);
        tails.noteEnd(job, end);
        return end;
      } catch (cause) {
        if (!needsNoDisk(job.operation) && !isUnhappyEnd(events)) throw cause;
        return tails.append(job, events);
      }
    },
    read(jobId, from) {
      const chunk = readUnread(log, jobId, from);
      return chunk.events.length > 0 ? chunk : (tails.read(jobId, from) ?? chunk);
    },
    seek: (jobId, after) => tails.seek(jobId, after) ?? log.seek(jobId, after),
    recover: (jobId) => tails.recover(jobId) ?? log.recover(jobId),
    seal(jobId) {
      tails.end(jobId);
      log.seal(jobId);
    },
    delete(jobId) {
      tails.delete(jobId);
      log.delete(jobId);
    },
    close() {
      tails.close();
      log.close();
    },
  };
}

/** The events of one job that are not on disk; all earlier ones are. */
interface Tail {
  header: JobHeader;
  events: LoggedEvent[];
  chars: number;
  /** Where the log on disk ends. */
  begin: Cursor;
  isEnded: boolean;
}

/** A place among the events in memory. After they have been written to the disk, it is found from where they begin there. */
interface PlaceInMemory extends Cursor {
  readonly begin: Cursor;
}

function placeIn({ begin }: Tail, seq: number): PlaceInMemory {
  return { offset: begin.offset, seq, begin };
}

class Tails {
  readonly #log: EventLog;
  readonly #tails = new Map<string, Tail>();
  /** The end of the log on disk, for each running job that may get a tail in memory. */
  readonly #ends = new Map<string, Cursor>();
  #retry: NodeJS.Timeout | undefined;

  constructor(log: EventLog) {
    this.#log = log;
  }

  has(jobId: string): boolean {
    return this.#tails.has(jobId);
  }

  noteEnd({ job_id }: JobHeader, end: Cursor): void {
    this.#ends.set(job_id, end);
  }

  /** @throws JobError disk_full where this is too much to be kept in memory */
  append(header: JobHeader, events: readonly LoggedEvent[]): Cursor {
    const { job_id } = header;
    const begin = this.#ends.get(job_id) ?? START;
    const tail = this.#tails.get(job_id) ?? { header, events: [], chars: 0, begin, isEnded: false };
    tail.chars += sizeOf(events);
    if (tail.chars > SPILLED_CHARS_LIMIT)
      throw new JobError('disk_full', 'The disk is full, and the events of this job are too large to be kept in memory');
    for (const event of events) tail.events.push(event);
    this.#tails.set(job_id, tail);
    if (this.#tails.size > SPILLED_JOBS_LIMIT) this.#forgetOldest();
    this.#retry ??= setInterval(() => this.#writeBack(), SPILL_RETRY_MS).unref();
    return placeIn(tail, events.at(-1)?.seq ?? 0);
  }

  read(jobId: string, from: Cursor): LogChunk | undefined {
    const tail = this.#tails.get(jobId);
    const unread = tail?.events.filter(({ seq }) => seq > from.seq);
    return tail && unread && { events: unread, cursor: placeIn(tail, unread.at(-1)?.seq ?? from.seq) };
  }

  seek(jobId: string, after: number): Cursor | undefined {
    const tail = this.#tails.get(jobId);
    return tail !== undefined && after >= (tail.events[0]?.seq ?? 0) ? placeIn(tail, after) : undefined;
  }

  recover(jobId: string): ReturnType<EventLog['recover']> {
    const tail = this.#tails.get(jobId);
    return tail && { header: tail.header, last: tail.events.at(-1) };
  }

  end(jobId: string): void {
    this.#ends.delete(jobId);
    const tail = this.#tails.get(jobId);
    if (tail !== undefined) tail.isEnded = true;
  }

  delete(jobId: string): void {
    this.#ends.delete(jobId);
    this.#tails.delete(jobId);
  }

  close(): void {
    this.#writeBack();
    clearInterval(this.#retry);
  }

  /** Of jobs that have ended: the others continue in memory, so that their events stay in order. */
  #writeBack(): void {
    for (const [jobId, { header, events, isEnded }] of this.#tails) {
      if (!isEnded) continue;
      try {
        this.#log.append(header, events);
        this.#log.seal(jobId);
        this.#tails.delete(jobId);
      } catch {
        return; // Still full.
      }
    }
    if (this.#tails.size > 0) return;
    clearInterval(this.#retry);
    this.#retry = undefined;
  }

  #forgetOldest(): void {
    for (const [jobId, { isEnded }] of this.#tails) {
      if (isEnded) return void this.#tails.delete(jobId);
    }
  }
}

/** When the events of a place in memory have been written to the disk, the reader already has those up to its seq. */
function readUnread(log: EventLog, jobId: string, from: Cursor): LogChunk {
  for (let place = (from as Partial<PlaceInMemory>).begin ?? from; ;) {
    const chunk = log.read(jobId, place);
    const events = chunk.events.filter(({ seq }) => seq > from.seq);
    if (events.length > 0 || chunk.events.length === 0) return { ...chunk, events };
    place = chunk.cursor;
  }
}

function sizeOf(events: readonly LoggedEvent[]): number {
  return events.reduce((sum, { json }) => sum + json.length, 0);
}

/** Larger than the message of any failure, and small enough to be written always. */
const SMALL_END_CHARS = 64 * 1024;

function isEnd(events: readonly LoggedEvent[]): boolean {
  const last = events.at(-1);
  return last !== undefined && isTerminal(last.kind) && sizeOf(events) <= SMALL_END_CHARS;
}

function isUnhappyEnd(events: readonly LoggedEvent[]): boolean {
  return isEnd(events) && events.at(-1)?.kind !== 'result';
}
