import { isEventKind, JobError, parseJson } from '../../contract/index.ts';
import type { JobHeader, LoggedEvent } from './event-log.ts';

/** Format of the log files. Line 1 is the header, every further line one event, in one fixed order of keys. */
const FORMAT = 1;

export function headerLine({ job_id, operation, correlation_id, created_at }: JobHeader): string {
  return `${JSON.stringify({ rbee_job_log: FORMAT, job_id, operation, correlation_id, created_at })}\n`;
}

/**
 * @returns undefined where the line is damaged
 * @throws JobError version_mismatch
 */
export function parseHeader(file: string, line: string): JobHeader | undefined {
  const parsed = parsedObject(line) as (JobHeader & { rbee_job_log: unknown }) | undefined;
  if (parsed === undefined || typeof parsed.rbee_job_log !== 'number') return undefined;
  const { rbee_job_log: format, ...header } = parsed;
  if (format <= FORMAT) return header;
  const sentence = `${file} was written by a newer rbee (log format ${format}; this one reads ${FORMAT}). This is rbee ${__RBEE_VERSION__}: update it on this machine to read the log.`;
  throw new JobError('version_mismatch', sentence);
}

/** Longer JSON is written separately: copying it into its line takes longer than writing it. */
const LARGE_CHARS = 256 * 1024;

/** The lines of the events, in order, after a header. */
export function toTexts(header: string, events: readonly LoggedEvent[]): string[] {
  const texts: string[] = [];
  let text = header;
  for (const { seq, kind, json, below } of events) {
    const start = below === undefined ? `{"seq":${seq}` : `{"seq":${seq},"below":${below}`;
    text += `${start},"event":"${kind}","data":`;
    if (json.length < LARGE_CHARS) text += json;
    else {
      texts.push(text, json);
      text = '';
    }
    text += '}\n';
  }
  return [...texts, text];
}

const SEQ = '{"seq":';
const BELOW = '"below":';
const EVENT = '"event":"';
const DATA = '","data":';

/** Undefined for the header and for a line that is not an event. The data of the event is not parsed. */
export function fromLine(line: string): LoggedEvent | undefined {
  if (!line.startsWith(SEQ) || !line.endsWith('}')) return undefined;
  let at = line.indexOf(',', SEQ.length);
  const seq = Number(line.slice(SEQ.length, at));
  let below: number | undefined;
  if (line.startsWith(BELOW, at + 1)) {
    const from = at + 1 + BELOW.length;
    at = line.indexOf(',', from);
    below = Number(line.slice(from, at));
    if (!Number.isSafeInteger(below)) return undefined;
  }
  const kindAt = at + 1 + EVENT.length;
  const dataAt = line.indexOf(DATA, kindAt);
  const kind = line.slice(kindAt, dataAt);
  if (!line.startsWith(EVENT, at + 1) || dataAt < 0 || !Number.isSafeInteger(seq) || !isEventKind(kind)) return undefined;
  const event = { seq, kind, json: line.slice(dataAt + DATA.length, -1) };
  return below === undefined ? event : { ...event, below };
}

/** An event whose data is one JSON object, so that it breaks no reader. */
export function wholeEvent(line: string): LoggedEvent | undefined {
  const event = fromLine(line);
  return event === undefined || parsedObject(event.json) === undefined ? undefined : event;
}

function parsedObject(json: string): object | undefined {
  const value = parseJson(json);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
