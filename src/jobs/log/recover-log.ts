import * as fs from 'node:fs';
import { damagedLog, orDamaged } from './damaged-log.ts';
import type { Recovered } from './event-log.ts';
import { endOfLastLine, linesBackwards } from './lines-backwards.ts';
import { fromLine, parseHeader, wholeEvent } from './log-lines.ts';
import type { OpenLogs } from './open-logs.ts';
import { readLines } from './read-log.ts';

export function recover(files: OpenLogs, jobId: string): Recovered | undefined {
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

export function lastRelayed(files: OpenLogs, jobId: string, after: number): number {
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
