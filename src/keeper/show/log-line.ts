import { parseJson } from '../../contract/index.ts';
import type { Look } from './look.ts';
import { clock } from './units.ts';

/** A daemon's log line for scripts: pino's object as it is; any other line as `msg`. */
export function logObject(line: string): object {
  return parsed(line) ?? { msg: line };
}

/** 'time level actor message (job)', or the line itself if rbee did not write it. */
export function logLineText(line: string, { paint }: Look, now = new Date()): string {
  const entry = parsed(line);
  if (entry === undefined) return line;
  const { time, level, actor, msg, job_id: job, err } = entry;
  const dim = (part: string) => (part === '' ? '' : paint.dim(part));
  const parts = [
    dim(typeof time === 'string' ? clock(time, now) : ''),
    levelText(text(level), paint),
    text(actor) === '' ? '' : `[${text(actor)}]`,
    text(msg),
    dim(text(job) === '' ? '' : `(${text(job)})`),
  ];
  return parts.filter((part) => part !== '').join(' ') + causeText(err, paint);
}

function levelText(level: string, paint: Look['paint']): string {
  const word = level.toUpperCase().padEnd(5);
  if (level === 'error' || level === 'fatal') return paint.red(word);
  return level === 'warn' ? paint.yellow(word) : word;
}

function causeText(err: unknown, paint: Look['paint']): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message } = err as Record<string, unknown>;
  const words = text(stack) || text(message);
  return words === '' ? '' : `\n${paint.dim(words.replace(/^/gm, '    '))}`;
}

function parsed(line: string): Record<string, unknown> | undefined {
  // A line that is not JSON is from a library or a crash.
  const value = parseJson(line);
  return typeof value === 'object' && value !== null && 'msg' in value ? value : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
