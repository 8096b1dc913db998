import * as fs from 'node:fs';
import { READ_CHUNK_BYTES, SEEK_LIMIT_BYTES } from '../limits.ts';
import { orDamaged } from './damaged-log.ts';
import { START, type Cursor, type LogChunk, type LoggedEvent } from './event-log.ts';
import { endOfLastLine, LINE_LIMIT_BYTES, linesBackwards, tooLong } from './lines-backwards.ts';
import { fromLine, wholeEvent } from './log-lines.ts';
import type { OpenLogs } from './open-logs.ts';

const NEWLINE = 0x0a;

/** The offset of a cursor after which the log is damaged: no file is that long. */
const DAMAGED_OFFSET = Number.MAX_SAFE_INTEGER - 1;

export function readChunk(files: OpenLogs, jobId: string, from: Cursor): LogChunk {
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

/** For one read at a time: all of them are synchronous. */
const CHUNK = Buffer.allocUnsafe(READ_CHUNK_BYTES);

/** Whole lines from the offset on: as many as fit into a chunk, but at least one. Undefined where there is no file. */
export function readLines(files: OpenLogs, jobId: string, offset: number): { texts: string[]; bytes: number } | undefined {
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

/** From the end, because readers usually resume there; one that is far from it reads from the start. */
export function seek(files: OpenLogs, jobId: string, after: number): Cursor {
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
