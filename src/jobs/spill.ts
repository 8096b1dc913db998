import { isOperationName, isTerminal, operations, type OperationSpec } from '../contract/index.ts';
import type { Cursor, EventLog, JobHeader, LogChunk, LoggedEvent } from './event-log.ts';
import { SPILL_RETRY_MS, SPILLED_CHARS_LIMIT, SPILLED_JOBS_LIMIT } from './limits.ts';

/** The disk on which the events of jobs are kept. */
export interface Room {
  /** @throws JobError disk_full when so many more bytes would leave too little for everything else */
  take(bytes: number): void;
}

/** Whether a job of this operation runs also where nothing can be written: it only reads, or makes room. */
export function needsNoDisk(operation: string): boolean {
  if (!isOperationName(operation)) return false;
  const spec: OperationSpec = operations[operation];
  return spec.needsNoDisk === true;
}

/** The events of one job that are not on disk; those before them are. */
interface Spilled {
  header: JobHeader;
  events: LoggedEvent[];
  chars: number;
  /** Where the log on disk ends. Every place in memory has this offset: the seq tells them apart. */
  offset: number;
  isEnded: boolean;
}

/**
 * An event log that keeps room on the disk, and jobs that need no disk going when there is none: what the disk does not take of
 * them stays in memory, and so does the end of a job that was cancelled or failed. It is written when the disk takes it; until
 * then it ends with the process. Other jobs are told that the disk is full.
 */
export function spillingEventLog(log: EventLog, room: Room): EventLog {
  const spilled = new Map<string, Spilled>();
  /** Of jobs that need no disk and have not ended: where their logs end. */
  const ends = new Map<string, number>();
  let retry: NodeJS.Timeout | undefined;

  function append(job: JobHeader, events: readonly LoggedEvent[]): Cursor {
    if (!needsNoDisk(job.operation)) {
      if (!isEnd(events)) room.take(sizeOf(events));
      return log.append(job, events);
    }
    const end = log.append(job, events);
    ends.set(job.job_id, end.offset);
    return end;
  }

  function spill(header: JobHeader, events: readonly LoggedEvent[], cause: unknown): Cursor {
    const { job_id, operation } = header;
    const tail = spilled.get(job_id) ?? { header, events: [], chars: 0, offset: ends.get(job_id) ?? 0, isEnded: false };
    const chars = tail.chars + sizeOf(events);
    if (chars > SPILLED_CHARS_LIMIT || !(needsNoDisk(operation) || isUnhappyEnd(events))) throw cause;
    tail.chars = chars;
    for (const event of events) tail.events.push(event);
    spilled.set(job_id, tail);
    forgetOldest(spilled);
    retry ??= setInterval(writeBack, SPILL_RETRY_MS).unref();
    return { offset: tail.offset, seq: events.at(-1)?.seq ?? 0 };
  }

  /** Of jobs that have ended: the others go on in memory, so that their events stay in order. */
  function writeBack(): void {
    for (const [jobId, { header, events, isEnded }] of spilled) {
      if (!isEnded) continue;
      try {
        log.append(header, events);
        log.seal(jobId);
        spilled.delete(jobId);
      } catch {
        return; // Still full.
      }
    }
    if (spilled.size > 0) return;
    clearInterval(retry);
    retry = undefined;
  }

  return {
    ...log,
    append(job, events) {
      let cause: unknown = undefined;
      try {
        if (!spilled.has(job.job_id)) return append(job, events);
      } catch (thrown) {
        cause = thrown;
      }
      return spill(job, events, cause);
    },
    read(jobId, from) {
      const chunk = readUnread(log, jobId, from);
      const tail = spilled.get(jobId);
      return chunk.events.length > 0 || tail === undefined ? chunk : readSpilled(tail, from);
    },
    seek(jobId, after) {
      const tail = spilled.get(jobId);
      const isInMemory = tail !== undefined && after >= (tail.events[0]?.seq ?? 0);
      return isInMemory ? { offset: tail.offset, seq: after } : log.seek(jobId, after);
    },
    recover(jobId) {
      const tail = spilled.get(jobId);
      return tail === undefined ? log.recover(jobId) : { header: tail.header, last: tail.events.at(-1) };
    },
    seal(jobId) {
      ends.delete(jobId);
      const tail = spilled.get(jobId);
      if (tail !== undefined) tail.isEnded = true;
      log.seal(jobId);
    },
    delete(jobId) {
      spilled.delete(jobId);
      log.delete(jobId);
    },
    close() {
      clearInterval(retry);
      writeBack();
      log.close();
    },
  };
}

/** Written back meanwhile, events of a place in memory are on disk: of them the reader has those up to its seq. */
function readUnread(log: EventLog, jobId: string, from: Cursor): LogChunk {
  for (let place = from; ;) {
    const chunk = log.read(jobId, place);
    const events = chunk.events.filter(({ seq }) => seq > from.seq);
    if (events.length > 0 || chunk.events.length === 0) return { ...chunk, events };
    place = chunk.cursor;
  }
}

/** A chunk that is empty is the end of the log: what a reader has read is not in it. */
function readSpilled({ events }: Spilled, from: Cursor): LogChunk {
  const unread = events.filter(({ seq }) => seq > from.seq);
  return { events: unread, cursor: { ...from, seq: unread.at(-1)?.seq ?? from.seq } };
}

function sizeOf(events: readonly LoggedEvent[]): number {
  return events.reduce((sum, { json }) => sum + json.length, 0);
}

/** Larger than the sentence of any failure, and small enough to be always written. */
const SMALL_END_CHARS = 64 * 1024;

function isEnd(events: readonly LoggedEvent[]): boolean {
  const last = events.at(-1);
  return last !== undefined && isTerminal(last.kind) && sizeOf(events) <= SMALL_END_CHARS;
}

function isUnhappyEnd(events: readonly LoggedEvent[]): boolean {
  return isEnd(events) && events.at(-1)?.kind !== 'result';
}

function forgetOldest(spilled: Map<string, Spilled>): void {
  if (spilled.size <= SPILLED_JOBS_LIMIT) return;
  for (const [jobId, { isEnded }] of spilled) {
    if (isEnded) return void spilled.delete(jobId);
  }
}
