import * as fs from 'node:fs';
import { READ_CHUNK_BYTES } from '../limits.ts';
import type { Cursor, EventLog, JobHeader, LoggedEvent } from './event-log.ts';
import { headerLine, toTexts } from './log-lines.ts';
import { OpenLogs, SUFFIX, write } from './open-logs.ts';
import { readChunk, seek } from './read-log.ts';
import { lastRelayed, recover } from './recover-log.ts';

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
