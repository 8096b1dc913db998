import { pino } from 'pino';
import { printable, type Actor } from '../contract/index.ts';
import { currentJob } from './voice.ts';

let daemon: Actor | undefined;

/** Lines that wait because the disk is full; those beyond are dropped. */
const WAITING_LIMIT_CHARS = 256 * 1024;

/** Says once which daemon this process is, for what it logs outside every job. */
export function logAs(actor: Actor): void {
  daemon = actor;
}

/**
 * The daemon's log: one JSON object a line on stdout, which whoever started the daemon sends to its file.
 * Every line said inside a job carries the job's ids. Written synchronously, so that a crash loses no line.
 */
export const log = pino(
  {
    level: process.env['RBEE_LOG'] ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['token', '*.token', 'authorization', '*.authorization', '*.*.authorization'], censor: '[secret]' },
    mixin() {
      const job = currentJob();
      return job === undefined ? { actor: daemon } : { actor: job.actor, job_id: job.jobId, correlation_id: job.correlationId };
    },
  },
  process.stdout.isTTY ? { write: writeForPeople } : toFile(),
);

/** A log that cannot be written, on a full disk, ends no daemon: its lines wait, or are lost. */
function toFile() {
  const file = pino.destination({ dest: 1, sync: true, maxLength: WAITING_LIMIT_CHARS });
  file.on('error', () => undefined);
  return file;
}

/** For a daemon that somebody runs in a terminal. */
function writeForPeople(line: string): void {
  const { time, level, actor, msg, err } = JSON.parse(line) as Record<string, unknown> & { err?: { stack?: string } };
  const stack = err?.stack === undefined ? '' : `${err.stack}\n`;
  const text = `${String(time).slice(11, 19)} ${String(level).padEnd(5)} [${String(actor)}] ${String(msg)}\n${stack}`;
  process.stdout.write(printable(text));
}
