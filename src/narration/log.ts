import { pino } from 'pino';
import { currentJob } from './voice.ts';

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
      return job === undefined ? {} : { actor: job.actor, job_id: job.jobId, correlation_id: job.correlationId };
    },
  },
  pino.destination({ dest: 1, sync: true }),
);
