import * as fs from 'node:fs';
import * as path from 'node:path';
import { JobError, type EventKind } from '../contract/index.ts';
import { START, type Cursor, type EventLog, type JobHeader, type LogChunk, type LoggedEvent } from './event-log.ts';
import { OPEN_LOGS_LIMIT, READ_CHUNK_BYTES, SEEK_LIMIT_BYTES } from './limits.ts';
import { endOfLastLine, linesBackwards } from './lines-backwards.ts';

/** Format of the files. Line 1 is the header, every further line one event. */
const FORMAT = 1;
const NEWLINE = 0x0a;

/**
 * One NDJSON file a job, appended without fsync: what reached the page cache survives a killed process.
 * The directory must exist. A line is written in one fixed order of keys, so that reading it needs no JSON parser.
 */
export function openFileEventLog(directory: string): EventLog {
  const files = new OpenFiles(directory);
  let newest: Newest | undefined;

  return {
    append(job, events) {
      const file = files.get(job.job_id);
      const begin = file.sizeBytes;
      let text = begin === 0 ? headerLine(job) : '';
      for (const event of events) text += toLine(event);
      write(file, text);
      const end = { offset: file.sizeBytes, seq: events.at(-1)?.seq ?? 0 };
      const [event] = events;
      const isLarge = events.length === 1 && text.length > READ_CHUNK_BYTES;
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
    delete(jobId) {
      if (newest?.header.job_id === jobId) newest = undefined;
      files.close(jobId);
      fs.rmSync(files.pathOf(jobId), { force: true });
    },
    close() {
      files.closeAll();
    },
  };
}

/**
 * The event that was appended last, where it alone is more than one read. A result of megabytes is all that its job says, and is
 * there before its reader has come: it is not read back and decoded, twice, while it is here still.
 */
interface Newest {
  header: JobHeader;
  begin: number;
  event: LoggedEvent;
  end: Cursor;
}

interface OpenFile {
  descriptor: number;
  sizeBytes: number;
}

/** The logs that were appended to last; the oldest makes room for the next. */
class OpenFiles {
  readonly #directory: string;
  readonly #files = new Map<string, OpenFile>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(jobId: string): string {
    return path.join(this.#directory, `${jobId}.ndjson`);
  }

  get(jobId: string): OpenFile {
    return this.#files.get(jobId) ?? this.#open(jobId);
  }

  #open(jobId: string): OpenFile {
    if (this.#files.size >= OPEN_LOGS_LIMIT) this.#closeOldest(1);
    const descriptor = this.openFile(this.pathOf(jobId), 'a');
    const file = { descriptor, sizeBytes: fs.fstatSync(descriptor).size };
    this.#files.set(jobId, file);
    return file;
  }

  /** To read. Undefined when there is no such log. */
  openToRead(jobId: string, flags: 'r' | 'r+' = 'r'): number | undefined {
    try {
      return this.openFile(this.pathOf(jobId), flags);
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  /** A system that allows fewer open files than we would like is asked again with half of ours closed. */
  openFile(file: string, flags: 'a' | 'r' | 'r+'): number {
    try {
      return fs.openSync(file, flags, 0o600);
    } catch (cause) {
      const isTooMany = cause instanceof Error && 'code' in cause && cause.code === 'EMFILE' && this.#files.size > 0;
      if (!isTooMany) throw asDiskFull(cause);
    }
    this.#closeOldest(Math.ceil(this.#files.size / 2));
    return orDiskFull(() => fs.openSync(file, flags, 0o600));
  }

  #closeOldest(count: number): void {
    let left = count;
    for (const jobId of this.#files.keys()) {
      if (left === 0) return;
      this.close(jobId);
      left -= 1;
    }
  }

  close(jobId: string): void {
    const file = this.#files.get(jobId);
    if (file === undefined) return;
    this.#files.delete(jobId);
    fs.closeSync(file.descriptor);
  }

  closeAll(): void {
    for (const jobId of [...this.#files.keys()]) this.close(jobId);
  }
}

/** All or nothing: what a full disk took of the text is cut off again. */
function write(file: OpenFile, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  try {
    while (written < bytes.length) written += fs.writeSync(file.descriptor, bytes, written);
  } catch (cause) {
    if (written > 0) fs.ftruncateSync(file.descriptor, file.sizeBytes);
    throw asDiskFull(cause);
  }
  file.sizeBytes += bytes.length;
}

function orDiskFull<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw asDiskFull(cause);
  }
}

function asDiskFull(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return cause;
  return new JobError('disk_full', 'The disk is full: the events of this job could not be written', { cause });
}

function headerLine({ job_id, operation, correlation_id, created_at }: JobHeader): string {
  return `${JSON.stringify({ rbee_job_log: FORMAT, job_id, operation, correlation_id, created_at })}\n`;
}

function toLine({ seq, kind, json, below }: LoggedEvent): string {
  return below === undefined
    ? `{"seq":${seq},"event":"${kind}","data":${json}}\n`
    : `{"seq":${seq},"below":${below},"event":"${kind}","data":${json}}\n`;
}

const SEQ = '{"seq":';
const BELOW = '"below":';
const EVENT = '"event":"';
const DATA = '","data":';

/** Undefined for the header and for what is not a line of ours. Twice as fast as an expression, and a replay is little else. */
function fromLine(line: string): LoggedEvent | undefined {
  if (!line.startsWith(SEQ) || !line.endsWith('}')) return undefined;
  let at = line.indexOf(',', SEQ.length);
  const seq = Number(line.slice(SEQ.length, at));
  let below: number | undefined;
  if (line.startsWith(BELOW, at + 1)) {
    const from = at + 1 + BELOW.length;
    at = line.indexOf(',', from);
    below = Number(line.slice(from, at));
  }
  const kindAt = at + 1 + EVENT.length;
  const dataAt = line.indexOf(DATA, kindAt);
  if (!line.startsWith(EVENT, at + 1) || dataAt < 0 || !Number.isSafeInteger(seq)) return undefined;
  const event = { seq, kind: line.slice(kindAt, dataAt) as EventKind, json: line.slice(dataAt + DATA.length, -1) };
  return below === undefined ? event : { ...event, below };
}

function readChunk(files: OpenFiles, jobId: string, from: Cursor): LogChunk {
  const lines = readLines(files, jobId, from.offset);
  const events: LoggedEvent[] = [];
  for (const line of lines.texts) {
    const event = fromLine(line);
    if (event !== undefined) events.push(event);
  }
  const cursor = { offset: from.offset + lines.bytes, seq: events.at(-1)?.seq ?? from.seq };
  // The first lines may be nothing but a header longer than a chunk; an empty answer means the end.
  return events.length === 0 && lines.bytes > 0 ? readChunk(files, jobId, cursor) : { events, cursor };
}

/** For one read at a time: all of them are synchronous. */
const CHUNK = Buffer.allocUnsafe(READ_CHUNK_BYTES);

/** Whole lines from the offset on: as many as fit into a chunk, but at least one. */
function readLines(files: OpenFiles, jobId: string, offset: number): { texts: string[]; bytes: number } {
  const descriptor = files.openToRead(jobId);
  // Expired, or never there: nothing to read.
  if (descriptor === undefined) return { texts: [], bytes: 0 };
  try {
    for (let size = READ_CHUNK_BYTES; ; size *= 4) {
      const buffer = size === READ_CHUNK_BYTES ? CHUNK : Buffer.allocUnsafe(size);
      const length = fs.readSync(descriptor, buffer, 0, size, offset);
      const end = buffer.lastIndexOf(NEWLINE, length - 1) + 1;
      if (length > 0 && end > 0) return { texts: buffer.toString('utf8', 0, end - 1).split('\n'), bytes: end };
      if (length < size) return { texts: [], bytes: 0 };
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

function recover(files: OpenFiles, jobId: string): { header: JobHeader; last: LoggedEvent | undefined } | undefined {
  const descriptor = files.openToRead(jobId, 'r+');
  if (descriptor === undefined) return undefined;
  try {
    const end = endOfLastLine(descriptor);
    const [first = ''] = end === 0 ? [] : readLines(files, jobId, 0).texts;
    // Before anything is touched: what a newer version wrote stays as it is.
    const header = first === '' ? undefined : parseHeader(files.pathOf(jobId), first);
    // A crash of the machine may leave half a line; the event was then never delivered.
    fs.ftruncateSync(descriptor, end);
    if (header === undefined) return undefined;
    const { value: line } = linesBackwards(descriptor, end).next();
    const last = line === undefined || line === first ? undefined : fromLine(line);
    if (last === undefined && line !== undefined && line !== first) throw new SyntaxError('the last line is no event');
    return { header, last };
  } finally {
    fs.closeSync(descriptor);
  }
}

function parseHeader(file: string, line: string): JobHeader {
  const { rbee_job_log: format, ...header } = JSON.parse(line) as JobHeader & { rbee_job_log: number };
  if (format <= FORMAT) return header;
  const sentence = `${file} was written by a newer rbee (log format ${format}; this one reads ${FORMAT}). Use that rbee.`;
  throw new JobError('version_mismatch', sentence);
}

function lastRelayed(files: OpenFiles, jobId: string, after: number): number {
  const descriptor = files.openToRead(jobId);
  if (descriptor === undefined) return 0;
  try {
    for (const line of linesBackwards(descriptor, endOfLastLine(descriptor))) {
      const event = fromLine(line);
      if (event === undefined || event.seq <= after) break;
      if (event.below !== undefined) return event.below;
    }
    return 0;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** From the end, because that is where a reader comes back to; one that is far from it begins at the start. */
function seek(files: OpenFiles, jobId: string, after: number): Cursor {
  const descriptor = after === 0 ? undefined : files.openToRead(jobId);
  if (descriptor === undefined) return START;
  try {
    const end = endOfLastLine(descriptor);
    let offset = end;
    for (const line of linesBackwards(descriptor, end)) {
      const event = fromLine(line);
      if (event === undefined || end - offset > SEEK_LIMIT_BYTES) return START;
      if (event.seq === after) return { offset, seq: after };
      offset -= Buffer.byteLength(line) + 1;
    }
    return START;
  } finally {
    fs.closeSync(descriptor);
  }
}
