import { pino } from 'pino';
import { printable, type Actor } from '../contract/index.ts';
import { logError } from './log-error.ts';
import { LogFile, type LogFileOptions } from './log-file.ts';
import { currentJob } from './voice.ts';

interface LineSink {
  write(line: string): void;
}

/** Lines that wait for a slow reader of stdout; more are dropped. */
const WAITING_LIMIT_CHARS = 256 * 1024;

let daemon: Actor | undefined;
let sink: LineSink | undefined;

/** Sets, once, the daemon that log lines outside a job name, and the file of the log, if rbee keeps it. Uncaught exceptions are logged too. */
export function logAs(actor: Actor, file?: LogFileOptions): void {
  daemon = actor;
  // Node's own words about it quote what was at hand, and go to a stderr that may be nowhere by now.
  process.once('uncaughtException', (err) => {
    log.fatal({ err }, `${actor} ends: an unexpected failure`);
    process.exit(1);
  });
  if (file === undefined) return;
  const opened = new LogFile(file);
  sink = opened;
  process.once('exit', () => opened.close());
}

/**
 * The daemon's log: one JSON object a line, in its file, or on stdout where it was started by hand.
 * Every line said inside a job carries the job's ids. Written synchronously, so that a crash loses no line. It holds nothing of a
 * request: names of models, hives, workers and machines, paths and addresses, but not what was asked or answered.
 */
export const log = pino(
  {
    level: process.env['RBEE_LOG'] ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error: unknown) => logError(error) },
    redact: { paths: ['token', '*.token', 'authorization', '*.authorization', '*.*.authorization'], censor: '[secret]' },
    mixin() {
      const job = currentJob();
      return job === undefined ? { actor: daemon } : { actor: job.actor, job_id: job.jobId, correlation_id: job.correlationId };
    },
  },
  // Without a flushSync: pino calls that after a fatal line, and on a full disk it would never return.
  { write: (line: string) => (sink ??= toStdout()).write(line) },
);

function toStdout(): LineSink {
  if (process.stdout.isTTY) return { write: writeForPeople };
  const stdout = pino.destination({ dest: 1, sync: true, maxLength: WAITING_LIMIT_CHARS });
  stdout.on('error', () => undefined);
  return stdout;
}

/** For a daemon that runs in a terminal. */
function writeForPeople(line: string): void {
  const { time, level, actor, msg, err } = JSON.parse(line) as Record<string, unknown> & { err?: { stack?: string } };
  const stack = err?.stack === undefined ? '' : `${err.stack}\n`;
  const text = `${String(time).slice(11, 19)} ${String(level).padEnd(5)} [${String(actor)}] ${String(msg)}\n${stack}`;
  process.stdout.write(printable(text));
}
