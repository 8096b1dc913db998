import * as fs from 'node:fs';
import { JobError } from '../../contract/index.ts';
import {
  START,
  type Cursor,
  type EventLog,
  type JobHeader,
  type LogChunk,
  type LoggedEvent,
  type Recovered,
} from './event-log.ts';
import { READ_CHUNK_BYTES, SEEK_LIMIT_BYTES } from '../limits.ts';
import { endOfLastLine, LINE_LIMIT_BYTES, linesBackwards, tooLong } from './lines-backwards.ts';
import { SUFFIX, OpenLogs, write } from './open-logs.ts';
import { fromLine, headerLine, parseHeader, toTexts, wholeEvent } from './log-lines.ts';

const NEWLINE = 0x0a;

/**
 * One NDJSON file per job, appended without fsync: data in the page cache survives a killed process.
 * The directory must exist. A line is written in one fixed order of keys, so that reading it needs no JSON parser.
 */
export function openFileEventLog(directory: string): EventLog {
  const files = new OpenLogs(directory);
  let newest: Newest | undefined;

  return {
    append(job, events) {
      const file = files.get(job.job_id);
      const begin = file.sizeBytes;
      write(file, toTexts(begin === 0 ? headerLine(job) : '', events));
      const end = { offset: file.sizeBytes, seq: events.at(-1)?.seq ?? 0 };
      const [event] = events;
      const isLarge = events.length === 1 && (event?.json.length ?? 0) > READ_CHUNK_BYTES;
      newest = event !== undefined && isLarge ? { header: job, begin, event, end } : undefined;
      return end;
    },
    read(jobId, from) {
      if (newest?.header.job_id === jobId && newest.begin === from.offset) return { events: [newest.event], cursor: newest.end };
      return readChunk(files, jobId, from);
    },
    seek(jobId, after) {
      return seek(files, jobId, after);
    },
    recover(jobId) {
      if (newest?.header.job_id === jobId) return { header: newest.header, last: newest.event };
      return recover(files, jobId);
    },
    lastRelayed(jobId, after) {
      return lastRelayed(files, jobId, after);
    },
    seal(jobId) {
      files.close(jobId);
    },
    jobIds() {
      return fs.readdirSync(directory).flatMap((file) => (file.endsWith(SUFFIX) ? [file.slice(0, -SUFFIX.length)] : []));
    },
    setAside(jobId, aside) {
      if (fs.existsSync(files.pathOf(jobId))) aside.copy(files.pathOf(jobId), `events-${jobId}${SUFFIX}`);
    },
    delete(jobId) {
      if (newest?.header.job_id === jobId) newest = undefined;
      files.close(jobId);
      // A folder too, so that one in the place of a log does not prevent the following logs from expiring.
      fs.rmSync(files.pathOf(jobId), { force: true, recursive: true });
    },
    close() {
      files.closeAll();
    },
  };
}

/**
 * The event that was appended last, where it alone is more than one read. A result of megabytes is often the only event of its job, and
 * is appended before its reader connects: from here it need not be read back and decoded twice.
 */
interface Newest {
  header: JobHeader;
  begin: number;
  event: LoggedEvent;
  end: Cursor;
}

/** The offset of a cursor after which the log is damaged: no file is that long. */
const DAMAGED_OFFSET = Number.MAX_SAFE_INTEGER - 1;

function readChunk(files: OpenLogs, jobId: string, from: Cursor): LogChunk {
  const stopped = (stop: 'gone' | 'damaged'): LogChunk => ({ events: [], cursor: from, stop });
  if (from.offset === DAMAGED_OFFSET) return stopped('damaged');
  const lines = orDamaged(() => readLines(files, jobId, from.offset));
  if (lines === undefined) return stopped('gone');
  if (lines === 'damaged') return stopped('damaged');
  const events: LoggedEvent[] = [];
  const isAtHeader = from.offset === 0 && lines.texts[0] !== undefined && fromLine(lines.texts[0]) === undefined;
  for (const line of isAtHeader ? lines.texts.slice(1) : lines.texts) {
    const event = wholeEvent(line);
    if (event?.seq !== from.seq + events.length + 1) {
      return events.length === 0
        ? stopped('damaged')
        : { events, cursor: { offset: DAMAGED_OFFSET, seq: events.at(-1)?.seq ?? 0 } };
    }
    events.push(event);
  }
  const cursor = { offset: from.offset + lines.bytes, seq: from.seq + events.length };
  // The first lines may be nothing but a header longer than a chunk; an empty answer means the end.
  return events.length === 0 && lines.bytes > 0 ? readChunk(files, jobId, cursor) : { events, cursor };
}

/** A limit of this process, such as too many open files, does not mean that the file is damaged. */
const OF_THE_MOMENT = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** A file that cannot be read is as damaged as one with a wrong byte: a folder in its place, a bad sector, a forbidden one. */
function orDamaged<T>(work: () => T): T | 'damaged' {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && OF_THE_MOMENT.has(String(cause.code))) throw cause;
    if (cause instanceof JobError) throw cause;
    return 'damaged';
  }
}

/** For one read at a time: all of them are synchronous. */
const CHUNK = Buffer.allocUnsafe(READ_CHUNK_BYTES);

/** Whole lines from the offset on: as many as fit into a chunk, but at least one. Undefined where there is no file. */
function readLines(files: OpenLogs, jobId: string, offset: number): { texts: string[]; bytes: number } | undefined {
  const descriptor = files.openToRead(jobId);
  if (descriptor === undefined) return undefined;
  try {
    for (let size = READ_CHUNK_BYTES; ; size *= 4) {
      if (size > LINE_LIMIT_BYTES) throw tooLong();
      const buffer = size === READ_CHUNK_BYTES ? CHUNK : Buffer.allocUnsafe(size);
      const length = fs.readSync(descriptor, buffer, 0, size, offset);
      const end = length === 0 ? 0 : buffer.lastIndexOf(NEWLINE, length - 1) + 1;
      if (end > 0) return { texts: buffer.toString('utf8', 0, end - 1).split('\n'), bytes: end };
      if (length < size) return { texts: [], bytes: 0 };
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

function recover(files: OpenLogs, jobId: string): Recovered | undefined {
  const file = files.pathOf(jobId);
  const found = orDamaged(() => {
    const descriptor = files.openToRead(jobId);
    if (descriptor === undefined) return undefined;
    try {
      return recoverOpen(files, { jobId, file, descriptor });
    } finally {
      fs.closeSync(descriptor);
    }
  });
  if (found === 'damaged') throw damagedLog(file);
  return found;
}

function damagedLog(file: string): JobError {
  return new JobError('job_damaged', `The log of this job is damaged, its last events are lost: ${file}`);
}

function recoverOpen(
  files: OpenLogs,
  { jobId, file, descriptor }: { jobId: string; file: string; descriptor: number },
): Recovered | undefined | 'damaged' {
  const end = endOfLastLine(descriptor);
  const [first = ''] = end === 0 ? [] : (readLines(files, jobId, 0)?.texts ?? []);
  // Before any change: a log of a newer version is left unchanged.
  const header = parseHeader(file, first);
  // A crash of the machine may leave half a line; the event was then never delivered.
  if (fs.fstatSync(descriptor).size > end) fs.truncateSync(file, end);
  const { value: line } = linesBackwards(descriptor, end).next();
  if (line === undefined) return undefined;
  const last = wholeEvent(line);
  if (last === undefined && line !== first) return 'damaged';
  return { header, last };
}

function lastRelayed(files: OpenLogs, jobId: string, after: number): number {
  const descriptor = files.openToRead(jobId);
  if (descriptor === undefined) return 0;
  try {
    for (const line of linesBackwards(descriptor, endOfLastLine(descriptor))) {
      const event = fromLine(line);
      if (event === undefined && !line.startsWith('{"rbee_job_log":')) throw damagedLog(files.pathOf(jobId));
      if (event === undefined || event.seq <= after) break;
      if (event.below !== undefined) return event.below;
    }
    return 0;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** From the end, because readers usually resume there; one that is far from it reads from the start. */
function seek(files: OpenLogs, jobId: string, after: number): Cursor {
  const descriptor = after === 0 ? undefined : files.openToRead(jobId);
  if (descriptor === undefined) return START;
  try {
    const end = endOfLastLine(descriptor);
    let offset = end;
    for (const line of linesBackwards(descriptor, end)) {
      const event = fromLine(line);
      // A replacement character has another length than the bytes that it replaces.
      if (event === undefined || end - offset > SEEK_LIMIT_BYTES || line.includes('\uFFFD')) return START;
      if (event.seq === after) return { offset, seq: after };
      offset -= Buffer.byteLength(line) + 1;
    }
    return START;
  } finally {
    fs.closeSync(descriptor);
  }
}
