import type { Cursor, EventLog, JobHeader, LogChunk, LoggedEvent } from './event-log.ts';

/** Keeps events for the life of the process. For a worker, whose jobs end with it anyway. */
export function openMemoryEventLog(): EventLog {
  const logs = new Map<string, { header: JobHeader; events: LoggedEvent[] }>();
  return {
    append(job, events) {
      let log = logs.get(job.job_id);
      if (log === undefined) logs.set(job.job_id, (log = { header: job, events: [] }));
      for (const event of events) log.events.push(event);
      return { offset: log.events.length, seq: events.at(-1)?.seq ?? 0 };
    },
    read(jobId, from): LogChunk {
      const log = logs.get(jobId);
      if (log === undefined) return { events: [], cursor: from, stop: 'gone' };
      const events = log.events.slice(from.offset, from.offset + EVENTS_PER_READ);
      return { events, cursor: after(from, events) };
    },
    seek(jobId, after) {
      return { offset: Math.min(after, logs.get(jobId)?.events.length ?? 0), seq: after };
    },
    recover(jobId) {
      const log = logs.get(jobId);
      return log === undefined ? undefined : { header: log.header, last: log.events.at(-1) };
    },
    lastRelayed(jobId, after) {
      const relayed = logs.get(jobId)?.events.findLast(({ seq, below }) => seq > after && below !== undefined);
      return relayed?.below ?? 0;
    },
    jobIds() {
      return [...logs.keys()];
    },
    setAside() {},
    seal() {},
    delete(jobId) {
      logs.delete(jobId);
    },
    close() {
      logs.clear();
    },
  };
}

const EVENTS_PER_READ = 512;

function after(from: Cursor, events: readonly LoggedEvent[]): Cursor {
  return { offset: from.offset + events.length, seq: events.at(-1)?.seq ?? from.seq };
}
