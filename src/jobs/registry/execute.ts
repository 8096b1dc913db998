import { JobError, type JobContext, type JobEvent } from '../../contract/index.ts';
import type { Job } from './job.ts';

/** The little that this room needs of a log. */
export interface Logger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type UntypedHandler = (input: unknown, context: JobContext) => AsyncGenerator<JobEvent, unknown, void>;

/** Drives a handler to its end: what it yields is appended, what it returns or throws becomes the terminal event. */
export async function execute(job: Job, run: AsyncGenerator<JobEvent, unknown, void>, logger: Logger): Promise<void> {
  job.start();
  try {
    for (;;) {
      const step = await run.next();
      if (step.done) return job.end('result', step.value);
      job.emit(step.value);
    }
  } catch (cause) {
    fail(job, cause, logger);
  }
}

/** Once a job is aborted, the reason of the abort tells more than whatever broke because of it. */
export function fail(job: Job, cause: unknown, logger: Logger): void {
  const error = asJobError(job, job.abort.signal.aborted ? job.abort.signal.reason : cause, logger);
  if (error.code === 'cancelled') job.end('cancelled', { reason: error.message });
  else job.end('failed', error.toWire(job.record.actor));
}

/** The unexpected is logged whole, here where it happened, and never sent. */
function asJobError(job: Job, cause: unknown, logger: Logger): JobError {
  if (cause instanceof JobError) return cause;
  const { job_id, correlation_id, operation, actor } = job.record;
  logger.error({ err: cause, job_id, correlation_id }, `unexpected failure in ${operation}`);
  return new JobError('internal', `Unexpected failure in ${actor}; its log has the cause`, { cause });
}
